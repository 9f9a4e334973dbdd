import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import type { Progress, RunUsage } from '@millrace/shared/for-agents'
import type { Mask } from '../log/secrets.ts'
import { afterAwake } from '../machine/sleep-detector.ts'
import { isUrgent, type Overrun, type RunLimits } from './limits/limits.ts'
import { watchUsage } from './limits/usage.ts'
import { LimitWatch, type RunFolders } from './limits/watch-limits.ts'
import { isBeingWritten } from './output/is-being-written.ts'
import { parseOutput } from './output/parse-output.ts'
import { type OutputLine, readLines } from './output/read-lines.ts'
import { watchResultFile } from './output/result-file.ts'
import { nothingPrinted, type Printed } from './output/result-lines.ts'
import { anyResult, type ExpectedResult } from './output/result-shape.ts'
import { endProcessTree } from './stop/end-process-tree.ts'
import { type Job, jobOf } from './stop/job-object.ts'
import { marked } from './stop/process-tag.ts'
import { markerVariable, type Tree } from './stop/process-tree.ts'
import { ResultGrace } from './stop/result-grace.ts'
import { type RemovedMemory, watchSharedMemory } from './stop/shared-memory.ts'
import type { Stop, StopReason } from './stop/stop.ts'
import { type StopEscalation, startEscalation } from './stop/stop-escalation.ts'
import { stopSteps } from './stop/stop-steps.ts'
import type { Watchdog } from './stop/watchdog.ts'

export type ProcessEnd = {
  exitCode: number | null
  signal: string | null
  stopReason: StopReason | null
  /** The limit that it exceeded, whether the agent stopped it for that or it had already ended. */
  overrun?: Overrun
  /** Its time limit, if it exceeded that. */
  timeoutSeconds?: number
  /** The last line of standard output that can be a result. */
  lastJsonLine: string | null
  usage: RunUsage
  /** Why the process did not start. */
  startError: string | null
  /** Its last lines on standard error, and its last log lines on standard output. */
  stderrTail: string[]
  stdoutTail: string[]
  printed: Printed
  /** It gave its result and did not end, so the agent ended it; its exit code is meaningless. */
  hungAfterResult?: true
  /** Shared memory that it left and the agent removed. */
  sharedMemory?: RemovedMemory
}

export type RunProcessOptions = {
  command: string
  args: string[]
  cwd: string
  env: Record<string, string>
  /** Counts only time in which the machine is awake. Without a limit the process runs until it ends or is stopped. */
  timeoutSeconds?: number
  limits?: RunLimits
  /** Without these folders, neither disk nor outputs are measured. */
  folders?: RunFolders
  /** Its complete standard input. Such a process gets no requests and is stopped by signals only. */
  input?: string
  /** Gets standard output line by line, instead of the separation into log, progress and result. */
  onStdout?(line: OutputLine): void | Promise<void>
  /** How to recognize its result; with this, the agent ends it if it does not end after its result. */
  result?: { expected: ExpectedResult; outputDir?: string }
  /** Applied to its lines and progress. */
  mask?: Mask
  watchdog: Watchdog
  /** Stops it, like `stop` of the returned object. */
  stop?: Stop
  /** A returned promise holds back further output of that stream until it settles. */
  onLine(stream: 'stdout' | 'stderr', line: string): void | Promise<void>
  onProgress?(progress: Progress): void
  /** Time between the steps of a stop; 5 s, and 2 s on shutdown. */
  graceMs?: number
}

export type RunningProcess = {
  pid: number | undefined
  /**
   * The first reason stands; `shutdown` shortens the grace of a stop under way. The process first gets the message `ask`;
   * `null`: it already got one, or must not.
   */
  stop(reason: StopReason, ask?: object | null): void
  /** Writes one message to its standard input, as a line of JSON. */
  tell(message: object): void
  /** Resolves, and never rejects, when no process of the whole tree is left. */
  ended: Promise<ProcessEnd>
}

/** How long a program may take to end after its result, unless the limits say otherwise. */
export const usualResultGraceSeconds = 5
const graceOf = (reason: StopReason) => (reason === 'shutdown' ? 2000 : 5000)
/** Grace for processes that outlive the module's own process. */
const treeGraceMs = 1000
/** After the process tree has ended, a pipe delivers the rest at once, or an unknown process keeps it open. */
const drainMs = 500
/** After this time, process ids may have wrapped around. */
const longLivedMs = 60_000

/** Starts a program in a new process group and follows it until its whole process tree has ended. */
export function runProcess(options: RunProcessOptions): RunningProcess {
  const marker = randomUUID()
  const [command, args] = marked(options.command, options.args, marker)
  options.watchdog.expect(marker)
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...options.env, [markerVariable]: marker },
    // On Windows `detached` would open a console window and create no group that can be signalled.
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  const { pid } = child
  if (pid === undefined) return notStarted(child, options, marker)
  sufferFirst(pid)
  const job = jobOf(pid)
  options.watchdog.watch(pid, marker)
  return follow(child, { group: pid, marker, job }, options)
}

function follow(
  child: ChildProcessWithoutNullStreams,
  started: { group: number; marker: string; job: Job | null },
  options: RunProcessOptions,
): RunningProcess {
  const { group: pid, job } = started
  const startedAt = performance.now()
  const tree = (): Tree => ({ ...started, longLived: performance.now() - startedAt > longLivedMs })
  const output = parseOutput({ ...options, expected: options.result?.expected })
  const limits = new LimitWatch(options.limits ?? {}, options.folders, (overrun) =>
    isUrgent(overrun) ? stop('over_limit', usualAsk, true) : void endOfTime('over_limit'),
  )
  const graceMs = options.result ? (options.limits?.resultGraceSeconds ?? usualResultGraceSeconds) * 1000 : 0
  const { expected = anyResult, outputDir } = options.result ?? {}
  const isInFile = outputDir === undefined ? () => false : watchResultFile(outputDir, expected, graceMs)
  const hasResult = async () =>
    graceMs > 0 && (output.result.isDone || output.result.isDoneBy(stdout.begun()) || (await isInFile()))
  const isQuiet = async () => outputDir === undefined || !(await isBeingWritten(outputDir, graceMs))
  const grace = new ResultGrace(
    graceMs,
    async () => (await hasResult()) && (await isQuiet()),
    () => endAfterResult(),
  )
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', () => {
      limits.heard()
      grace.heard()
    })
  const stdout = readLines(child.stdout, options.onStdout ?? output.stdout)
  readLines(child.stderr, output.stderr)
  const drained = Promise.all([closed(child.stdout), closed(child.stderr)])
  const usage = watchUsage(pid, (memory) => limits.memory(memory))
  const shared = watchSharedMemory(() => [-pid, ...usage.pids()])
  // A program that closes its input reads neither its task nor a request to stop.
  child.stdin.on('error', () => child.stdin.destroy())
  if (options.input !== undefined) child.stdin.end(options.input)

  let stopReason: StopReason | null = null
  let escalation: StopEscalation | null = null
  let exited = false
  let hungAfterResult: true | undefined
  const tell = (message: object) => void child.stdin.write(`${JSON.stringify(message)}\n`)
  const usualAsk = options.input === undefined ? { type: 'cancel' } : null
  const stop = (reason: StopReason, ask: object | null = usualAsk, isUrgent = false) => {
    if (exited) return
    const grace = isUrgent ? 0 : (options.graceMs ?? graceOf(reason))
    if (escalation) return isUrgent || reason === 'shutdown' ? escalation.hurry(grace) : undefined
    stopReason = reason
    escalation = startEscalation(stopSteps(child, tree, ask && (() => tell(ask)), shared.look), grace)
  }
  const endAfterResult = () => {
    if (exited || escalation) return
    hungAfterResult = true
    stdout.flush()
    output.result.close()
    escalation = startEscalation(
      stopSteps(child, tree, null, shared.look),
      options.graceMs ?? graceOf('shutdown'),
    )
  }
  const endOfTime = async (reason: 'timed_out' | 'over_limit') =>
    (await hasResult()) ? endAfterResult() : stop(reason)
  const limit = options.timeoutSeconds
  const timeout =
    limit === undefined ? undefined : afterAwake(limit * 1000, () => void endOfTime('timed_out'))

  const unsubscribe = options.stop?.subscribe((reason) => stop(reason))

  const follow = async (): Promise<ProcessEnd> => {
    const [exitCode, signal] = await exitOf(child)
    exited = true
    unsubscribe?.()
    timeout?.clear()
    grace.end()
    escalation?.end()
    await endProcessTree(tree(), Math.min(treeGraceMs, options.graceMs ?? treeGraceMs), shared.look)
    const sharedMemory = await shared.end()
    await within(drained, drainMs)
    await output.end()
    const found = await limits.end()
    const overrun = hungAfterResult && found && !isUrgent(found) ? null : found
    child.stdin.destroy()
    child.stdout.destroy()
    child.stderr.destroy()
    job?.close()
    options.watchdog.unwatch(pid)
    return {
      exitCode,
      signal,
      // The folder is measured after the end; an overrun then counts as if the agent had stopped the run for it.
      stopReason: stopReason ?? (overrun && 'over_limit'),
      ...(overrun ? { overrun } : {}),
      ...(stopReason === 'timed_out' ? { timeoutSeconds: options.timeoutSeconds } : {}),
      lastJsonLine: output.result.text,
      usage: usage.end(),
      startError: null,
      stderrTail: output.stderrTail(),
      stdoutTail: output.stdoutTail(),
      printed: output.result.printed,
      ...(hungAfterResult ? { hungAfterResult } : {}),
      ...(sharedMemory ? { sharedMemory } : {}),
    }
  }
  return { pid, stop, tell, ended: follow() }
}

async function exitOf(child: ChildProcessWithoutNullStreams): Promise<[number | null, string | null]> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve([code, signal]))
    // Reports signals that could not be sent; the exit follows in any case.
    child.on('error', () => undefined)
  })
}

async function closed(stream: NodeJS.EventEmitter): Promise<void> {
  await new Promise((resolve) => stream.once('close', resolve))
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([
    work,
    new Promise((resolve) => {
      timer = setTimeout(resolve, ms)
    }),
  ])
  clearTimeout(timer)
}

/** When the machine runs out of memory, the system kills a run and not the agent. */
function sufferFirst(pid: number): void {
  if (process.platform !== 'linux') return
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '500')
  } catch {
    // The process has ended, or this is not permitted: the system then uses its default.
  }
}

function notStarted(
  child: ChildProcessWithoutNullStreams,
  options: RunProcessOptions,
  marker: string,
): RunningProcess {
  const ended = once(child, 'error').then(([error]): ProcessEnd => {
    options.watchdog.unexpect(marker)
    const cause = existsSync(options.cwd) ? String(error) : `the folder ${options.cwd} does not exist`
    return {
      exitCode: null,
      signal: null,
      stopReason: null,
      lastJsonLine: null,
      usage: { peakRamBytes: null, peakVramBytes: null, cpuSeconds: null },
      startError: `${options.command} could not be started: ${cause}`,
      stderrTail: [],
      stdoutTail: [],
      printed: nothingPrinted,
    }
  })
  return { pid: undefined, stop: () => undefined, tell: () => undefined, ended }
}
