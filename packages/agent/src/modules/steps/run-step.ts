import type { Mask } from '../../log/secrets.ts'
import type { ExpectedResult } from '../../process/output/result-shape.ts'
import { type ProcessEnd, runProcess } from '../../process/run-process.ts'
import type { Watchdog } from '../../process/stop/watchdog.ts'
import type { InstallLog } from './install-log.ts'

/** One command of an installation. */
export type Step = {
  command: string
  args: string[]
  cwd: string
  env: Record<string, string>
  timeoutSeconds: number
  /** How to recognize its result, where it has one. */
  result?: { expected: ExpectedResult; outputDir?: string }
}

/** Runs a command with its output in the install log. Throws `Interrupted` when the installation is cancelled. */
export type RunStep = (step: Step) => Promise<ProcessEnd>

/** The agent shuts down, or the folder changed: the installation neither succeeded nor failed. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

/** Follows each command while it runs; the install log comes in batches. */
export type StepFollower = {
  began(step: Step): void
  line(stream: 'stdout' | 'stderr', text: string): void
  ended(end: ProcessEnd): void
}

/** Binds what all commands of one installation share. */
export function stepRunner(o: {
  watchdog: Watchdog
  log: InstallLog
  signal: AbortSignal
  graceMs?: number
  follow?: StepFollower
  /** Applied to everything that others can read. */
  mask: Mask
}): RunStep {
  const { log, follow, signal, ...shared } = o
  const line = (stream: 'stdout' | 'stderr', text: string) => {
    log.line(stream, text)
    follow?.line(stream, text)
  }
  return async (step) => {
    if (signal.aborted) throw new Interrupted()
    const startedAt = performance.now()
    log.line('agent', `$ ${[step.command, ...step.args].join(' ')}`)
    follow?.began(step)
    const running = runProcess({ ...step, ...shared, onLine: line })
    const stop = () => running.stop('shutdown')
    signal.addEventListener('abort', stop)
    const end = await running.ended
    signal.removeEventListener('abort', stop)
    if (end.lastJsonLine !== null) line('stdout', shared.mask(end.lastJsonLine).slice(0, 64 * 1024))
    follow?.ended(end)
    log.line(
      'agent',
      `${howItEnded(end, step)} after ${((performance.now() - startedAt) / 1000).toFixed(2)} s`,
    )
    if (signal.aborted) throw new Interrupted()
    return end
  }
}

function howItEnded(end: ProcessEnd, step: Step): string {
  if (end.startError) return end.startError
  if (end.stopReason === 'timed_out') return `stopped at the limit of ${step.timeoutSeconds} s`
  if (end.hungAfterResult) return 'gave its result, did not end, and was ended by the agent'
  return end.signal ? `ended by ${end.signal}` : `exit code ${end.exitCode}`
}
