import type { Progress } from '@millrace/shared/for-agents'
import { withoutLastLines } from '../process/exit-error.ts'
import { progressOf } from '../process/output/parse-output.ts'

/** The steps of a check, in this order; `setup` only for modules that list that mode. */
export type CheckStep = 'manifest' | 'environment' | 'setup' | 'test' | 'run'

/** A command of a step, with its last lines on standard output and error. */
type StepCommand = {
  /** As the author can type it: with the module's own files instead of their copies. */
  args: string[]
  exitCode: number | null
  signal: string | null
  lines: string[]
}

/** How one step went. */
export type StepReport = {
  step: CheckStep
  good: boolean
  seconds: number
  /** A short remark, such as "from cache". */
  note: string | null
  warnings: string[]
  /** The fault, as text for the module's author. */
  cause: string | null
  /** The last command that it ran. */
  command: StepCommand | null
}

/** What a check reports while it runs. */
export type CheckEvent =
  | { kind: 'waiting' }
  | { kind: 'began'; step: CheckStep }
  | { kind: 'progress'; step: CheckStep; progress: Progress }
  | { kind: 'ended'; report: StepReport }

const keptLines = 20
const longestLine = 500

/** Follows a check from step to step: each begins where the one before ends. */
export class Steps {
  readonly reports: StepReport[] = []
  readonly #tell: (event: CheckEvent) => void
  #names: [copy: string, own: string][] = []
  #open: { report: StepReport; startedAt: number } | null = null

  constructor(tell: (event: CheckEvent) => void) {
    this.#tell = tell
  }

  /** Replaces `copy` by `own` in reports: the agent's copy means nothing to the author. */
  rename(copy: string, own: string): void {
    this.#names.push([copy, own])
  }

  /** Begins a step; the one before succeeded. */
  enter(step: CheckStep): void {
    this.end(null)
    const report = { step, good: true, seconds: 0, note: null, warnings: [], cause: null, command: null }
    this.#open = { report, startedAt: performance.now() }
    this.#tell({ kind: 'began', step })
  }

  /** Ends the open step, if any; with a cause, it failed. */
  end(cause: string | null): void {
    if (!this.#open) return
    const { report, startedAt } = this.#open
    this.#open = null
    report.seconds = (performance.now() - startedAt) / 1000
    report.cause = cause === null ? null : this.#own(withoutLastLines(cause))
    report.good = cause === null
    if (!report.good) report.note = null
    this.reports.push(report)
    this.#tell({ kind: 'ended', report })
  }

  note(text: string): void {
    if (this.#open) this.#open.report.note = text
  }

  warn(text: string): void {
    this.#open?.report.warnings.push(text)
  }

  command(args: string[]): void {
    const own = args.map((arg) => this.#own(arg))
    if (this.#open) this.#open.report.command = { args: own, exitCode: null, signal: null, lines: [] }
  }

  line(text: string): void {
    const progress = progressOf(text)
    const lines = this.#open?.report.command?.lines
    if (progress) this.progress(progress)
    else lines?.push(this.#own(text).slice(0, longestLine))
    if (lines && lines.length > keptLines) lines.shift()
  }

  progress(progress: Progress): void {
    if (this.#open) this.#tell({ kind: 'progress', step: this.#open.report.step, progress })
  }

  commandEnded(end: { exitCode: number | null; signal: string | null }): void {
    const command = this.#open?.report.command
    if (!command) return
    command.exitCode = end.exitCode
    command.signal = end.signal
  }

  #own(text: string): string {
    return this.#names.reduce((said, [copy, own]) => said.replaceAll(copy, own), text)
  }
}
