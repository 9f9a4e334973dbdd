import type { LogStream, Progress } from '@millrace/shared/for-agents'
import { afterAwake } from '../machine/sleep-detector.ts'
import { watchUsage } from '../process/limits/usage.ts'
import { forLog } from '../process/output/parse-output.ts'
import type { OutputLine } from '../process/output/read-lines.ts'
import { errorOf, type ModuleResult } from '../process/output/read-result.ts'
import { nothingPrinted, tooLong } from '../process/output/result-lines.ts'
import {
  type ProcessEnd,
  type RunningProcess,
  type RunProcessOptions,
  runProcess,
} from '../process/run-process.ts'
import type { StopReason } from '../process/stop/stop.ts'
import type { PythonJson } from '../text/python-json.ts'
import { messageIn, type Said } from './messages.ts'

export type ServedTask = {
  id: string
  inputFile: string
  timeoutSeconds: number
  onLine(stream: Extract<LogStream, 'stdout' | 'stderr'>, line: string): void
  onProgress(progress: Progress): void
}

/** How a served task ended: by the module's own message, or with its process. `said` is null in the latter case. */
export type ServedEnd = { end: ProcessEnd; said: { done: PythonJson } | ModuleResult | null }

export type ServedRun = {
  /** The first reason stands; `shutdown` shortens the grace of a stop under way. */
  stop(reason: StopReason): void
  ended: Promise<ServedEnd>
}

export type WarmProcessOptions = Pick<
  RunProcessOptions,
  'command' | 'args' | 'cwd' | 'env' | 'watchdog' | 'limits'
> & {
  loadTimeoutSeconds: number
  /** Lines outside any task. */
  onLine(line: string): void
  graceMs?: number
}

type Current = ServedTask & {
  answer(said: ServedEnd['said']): void
  stopReason: StopReason | null
  timers: NodeJS.Timeout[]
}

/** Longer than a module may take to notice a cancel; see PROTOCOLS, "Stopping". */
const graceOf = (reason: StopReason) => (reason === 'shutdown' ? 2000 : 5000)

/** A process in serve mode: loaded once, it then gets one task after another. */
export class WarmProcess {
  readonly #process: RunningProcess
  readonly #options: WarmProcessOptions
  readonly #ready = Promise.withResolvers<boolean>()
  readonly #startedAt = performance.now()
  #stderrTail: string[] = []
  #current: Current | null = null
  #pong: (() => void) | null = null
  #end: ProcessEnd | null = null
  #loadSeconds: number | null = null
  #loadTimedOut = false

  constructor(options: WarmProcessOptions) {
    this.#options = options
    this.#process = runProcess({
      ...options,
      onStdout: (line) => this.#hear(line),
      onLine: (_, line) => this.#onStderr(line),
    })
    const patience = setTimeout(() => {
      this.#loadTimedOut = true
      this.#process.stop('timed_out', null)
    }, options.loadTimeoutSeconds * 1000)
    void this.#ready.promise.then(() => clearTimeout(patience))
    void this.#process.ended.then((end) => this.#onEnd(end))
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Resolves when it can take tasks; `false`: it ended before, and `gone` has the reason. */
  get ready(): Promise<boolean> {
    return this.#ready.promise
  }

  get isBusy(): boolean {
    return this.#current !== null
  }

  get isAlive(): boolean {
    return this.#end === null
  }

  get isReady(): boolean {
    return this.#loadSeconds !== null && this.isAlive
  }

  /** How long loading took; `null` before its end. */
  get loadSeconds(): number | null {
    return this.#loadSeconds
  }

  get loadTimedOut(): boolean {
    return this.#loadTimedOut
  }

  /** Resolves when no process of its tree is left. */
  get gone(): Promise<ProcessEnd> {
    return this.#process.ended
  }

  /** Gives it one task; it must be ready and idle. */
  run(task: ServedTask): ServedRun {
    if (this.#current) throw new Error('a warm process takes one task at a time')
    const answered = Promise.withResolvers<ServedEnd['said']>()
    const current: Current = { ...task, answer: answered.resolve, stopReason: null, timers: [] }
    const { pid } = this
    const usage = pid === undefined ? null : watchUsage(pid)
    this.#current = current
    this.#stderrTail = []
    const limit = afterAwake(task.timeoutSeconds * 1000, () => this.#stop(current, 'timed_out'))
    this.#process.tell({ type: 'run', id: task.id, input_file: task.inputFile })
    if (this.#end) current.answer(null)
    const ended = answered.promise.then(async (said): Promise<ServedEnd> => {
      limit.clear()
      for (const timer of current.timers) clearTimeout(timer)
      this.#current = null
      const measured = usage?.end() ?? { peakRamBytes: null, peakVramBytes: null, cpuSeconds: null }
      // Processor time counts from the start of the process, which may have served many tasks.
      const own = { ...measured, cpuSeconds: null }
      const { stopReason } = current
      if (said === null)
        return {
          end: {
            ...(await this.gone),
            ...(stopReason ? { stopReason } : {}),
            usage: own,
            stderrTail: this.#stderrTail,
          },
          said,
        }
      return { end: { ...ownWord, stopReason, usage: own, stderrTail: this.#stderrTail }, said }
    })
    return { stop: (reason) => this.#stop(current, reason), ended }
  }

  /** Whether it answers within `patienceMs` milliseconds. */
  async ping(patienceMs: number): Promise<boolean> {
    const answered = Promise.withResolvers<boolean>()
    this.#pong = () => answered.resolve(true)
    const timer = setTimeout(() => answered.resolve(false), patienceMs)
    this.#process.tell({ type: 'ping' })
    try {
      return await answered.promise
    } finally {
      clearTimeout(timer)
      this.#pong = null
    }
  }

  /** Ends the process in any state; resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.#process.stop('shutdown', { type: 'shutdown' })
    await this.gone
  }

  /** Sends a cancel first; if the task does not end in time, its whole process is stopped. */
  #stop(current: Current, reason: StopReason): void {
    if (this.#current !== current) return
    const grace = this.#options.graceMs ?? graceOf(reason)
    const isFirst = current.stopReason === null
    if (!isFirst && reason !== 'shutdown') return
    if (isFirst) {
      current.stopReason = reason
      this.#process.tell({ type: 'cancel', id: current.id })
    }
    current.timers.push(setTimeout(() => this.#process.stop(reason, null), grace))
  }

  #hear(line: OutputLine): void {
    const said = line.dropped > 0 ? null : messageIn(line.text)
    if (said) {
      this.#obey(said)
      return
    }
    if (line.dropped > 0 && /^[^{]*\{[^{]{0,200}"type":\s*"done"/.test(line.text.slice(0, 4096)))
      this.#answerTooLong()
    this.#log('stdout', forLog(line))
  }

  #obey(said: Said): void {
    if (said.type === 'ready') this.#onReady()
    else if (said.type === 'pong') this.#pong?.()
    else if (said.type === 'log') this.#log('stdout', forLog({ text: said.line, dropped: 0 }))
    // A late message about an earlier task is ignored.
    else if (this.#current && (said.id === null || said.id === this.#current.id)) obey(said, this.#current)
  }

  #answerTooLong(): void {
    this.#current?.answer({
      kind: 'bad',
      fault: tooLong('The result'),
    })
  }

  #onReady(): void {
    this.#loadSeconds ??= (performance.now() - this.#startedAt) / 1000
    this.#ready.resolve(true)
  }

  #onStderr(line: string): void {
    this.#stderrTail.push(line.slice(0, 1000))
    if (this.#stderrTail.length > 40) this.#stderrTail.shift()
    this.#log('stderr', line)
  }

  #log(stream: 'stdout' | 'stderr', line: string): void {
    if (this.#current) this.#current.onLine(stream, line)
    else this.#options.onLine(line)
  }

  #onEnd(end: ProcessEnd): void {
    this.#end = end
    this.#ready.resolve(false)
    this.#current?.answer(null)
  }
}

function obey(said: Exclude<Said, { type: 'ready' | 'pong' | 'log' }>, current: Current): void {
  if (said.type === 'progress') current.onProgress(said.progress)
  else if (said.type === 'done') current.answer({ done: said.result })
  else current.answer(said.type === 'failed' ? errorOf(said.error) : ownCancel)
}

/** The end of a task by the module's own message; its process lives on. */
const ownWord: Omit<ProcessEnd, 'stopReason' | 'usage' | 'stderrTail'> = {
  exitCode: 0,
  signal: null,
  lastJsonLine: null,
  stdoutTail: [],
  printed: nothingPrinted,
  startError: null,
}

const ownCancel: ModuleResult = {
  kind: 'error',
  type: 'Cancelled',
  message: 'The module cancelled the task itself',
  retryable: true,
}
