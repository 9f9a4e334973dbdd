import { rm } from 'node:fs/promises'
import type { Progress, RunId } from '@millrace/shared/for-agents'
import type { Reservation } from '../admission/reservation.ts'
import type { RunLimits } from '../process/limits/limits.ts'
import type { Stop } from '../process/stop/stop.ts'
import type { Watchdog } from '../process/stop/watchdog.ts'
import type { SpooledRun } from '../report/spool.ts'
import type { Assignment } from '../signals/agent-signals.ts'
import { conclude } from './conclude.ts'
import { type Ending, endingOfError, handedBack } from './ending.ts'
import { type Execute, executeFresh } from './execute.ts'
import type { Fetch } from './inputs/place-inputs.ts'
import { maskedError } from './masked-error.ts'
import { type OpenRun, type OpenRunDeps, openRun } from './open-run.ts'
import { placeAssigned } from './place-assigned.ts'

export type RunDeps = OpenRunDeps & {
  onProgress(run: RunId, progress: Progress): void
  /** Places an assigned file at `path`; default: a download. */
  fetch?: Fetch
  /** Executes the run; default: immediately, in a new process. */
  execute?: Execute
  watchdog: Watchdog
  /** The threads that each module may use. */
  threads: number
  own: NodeJS.ProcessEnv
  /** The agent's id, for workers that request it. */
  agentId?(): string | null
  /** The API's time; default: the clock of this machine. */
  now?(): Date
  limits?: RunLimits
}

/** The dependencies of a run beyond its result: its reservation, and the report to the API. */
export type ReportingDeps = RunDeps & {
  /** Takes the digest of the program. Resolves when the result is acknowledged, or is on disk and waits. */
  report(result: SpooledRun, digest: string): Promise<void>
  /** Releases what remains of the reservation. */
  release(reservation: Reservation): void
}

export type AssignedRun = Assignment & { reservation?: Reservation }

/** Executes a run from its assignment to its report. Never rejects. */
export async function runAssignment(
  deps: ReportingDeps,
  assigned: AssignedRun & { reservation: Reservation },
  stop: Stop,
): Promise<void> {
  const { run, module, task } = assigned.grant
  // These lines contain the id of the HTTP request that created the task.
  const logger = deps.logger.child({ requestId: task?.requestId })
  try {
    const result = await produceResult(deps, assigned, stop)
    logger.info({ run, outcome: result?.outcome ?? 'superseded', code: result?.error?.code }, 'a run ended')
    if (result) await deps.report(result, module.digest)
  } catch (err) {
    // For example a full disk: without a report, the API expires the run at the next heartbeats and retries it.
    logger.error({ err, run }, 'a run failed in the agent; the API will retry it')
  }
  deps.release(assigned.reservation)
}

/** Inputs, process, outputs and outcome; `null` when the run was superseded. Never rejects for a fault of the task. */
export async function produceResult(
  deps: RunDeps,
  assigned: AssignedRun,
  stop: Stop,
): Promise<SpooledRun | null> {
  const { run } = assigned.grant
  const now = () => (deps.now?.() ?? new Date()).toISOString()
  const startedAt = now()
  const opened = openRun(deps, assigned.grant)
  if (!opened) return handedBack(run, startedAt, now())
  const { log, mask, runDir } = opened
  const { end, ...outcome } = await carryOut(deps, assigned, opened, stop).catch((error: unknown) =>
    endingOfError(error, stop.reason),
  )
  const finishedAt = now()
  const { kept, sent } = log.close()
  const file = await kept.catch((err: unknown) => {
    deps.logger.warn({ err, run }, 'the log of a run could not be written')
    return null
  })
  if (stop.reason === 'superseded') {
    await rm(runDir, { recursive: true, force: true })
    return null
  }
  const result: SpooledRun = {
    ...{ v: 1, run, ...outcome, startedAt, finishedAt },
    error: outcome.error && maskedError(outcome.error, mask),
    exitCode: end?.exitCode ?? null,
    signal: end?.signal ?? null,
    usage: end?.usage ?? null,
    log: file && { lines: file.lines, bytes: file.bytes, truncated: file.truncated },
    logFile: file?.path ?? null,
  }
  await sent
  return result
}

const backToQueue: Ending = { outcome: 'handed_back', outputs: {}, error: null, end: null }

async function carryOut(deps: RunDeps, assigned: AssignedRun, opened: OpenRun, stop: Stop): Promise<Ending> {
  const { program, log, mask, outputDir } = opened
  // The program was removed between the offer and the assignment; another agent may take the run.
  if (!program) return backToQueue
  const placed = await placeAssigned(deps.fetch, assigned, { ...opened, program }, stop.signal)
  stop.signal.throwIfAborted()
  const { threads, own, watchdog, limits } = deps
  const executed = await (deps.execute ?? executeFresh)({
    ...{ ...opened, program, placed, outputDir, threads, own, watchdog, limits, stop },
    grant: assigned.grant,
    reservation: assigned.reservation ?? null,
    agentId: deps.agentId?.() ?? null,
    mask,
    onLine: (stream, line) => log.add(stream, line),
    onProgress: (progress) => {
      log.progress(progress)
      deps.onProgress(assigned.grant.run, progress)
    },
  })
  if (executed) return conclude(executed, { ...opened, program })
  log.add('agent', 'others on this machine use the memory that it needs; it goes back to the queue')
  return backToQueue
}
