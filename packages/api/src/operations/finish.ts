import {
  type FinishAnswer,
  type FinishReport,
  type Outcome,
  parseRunId,
  type RunId,
  type RunStatus,
  runIdOf,
  type TaskError,
} from '@millrace/shared'
import type { Deps } from '../deps.ts'
import type { Change } from '../store/collection.ts'
import type { AgentDoc } from '../store/documents/agent.ts'
import type { RunEnd } from '../store/documents/run.ts'
import type { StoredOutput, TaskDoc } from '../store/documents/task.ts'
import { endRun } from './settle/run-end.ts'
import { settle } from './settle/settle.ts'
import { storeResult, verifyOutputs } from './settle/verify-outputs.ts'
import { delaySeconds } from './task/backoff.ts'
import { move } from './task/move.ts'
import { processEnd } from './task/process-end.ts'

/** A run reports how it ended. `stale` when it is no longer the task's run: nothing happens then. */
export async function finish(
  deps: Deps,
  asking: Promise<AgentDoc>,
  run: RunId,
  report: FinishReport,
): Promise<FinishAnswer> {
  const [agent, found] = await Promise.all([asking, taskOf(deps, run)])
  // Whatever an earlier write left open is carried out first.
  const before = found?.settle ? await settle(deps, found) : found
  if (!before || before.agentId !== agent._id) return { stale: true }
  if (before.appliedRun === run) return { applied: true }
  if (!takesEffect(before, run)) return { stale: true }
  await verifyOutputs(deps, before, run, report)
  const result = storeResult(before, report)
  const change = await deps.store.tasks.change(before, (task) =>
    decideFinish(task, run, report, result, deps.clock.now(), deps.random()),
  )
  if (!change) return lateAnswer(deps, run, report)
  deps.failpoint('finish.written')
  tell(deps, change, agent, run, report)
  await settle(deps, change.after)
  return { applied: true }
}

/** Whoever keeps figures, and whoever follows a request through the logs. */
function tell(
  deps: Deps,
  { before, after }: Change<TaskDoc>,
  agent: AgentDoc,
  run: RunId,
  report: FinishReport,
): void {
  const { module, requestId: origin } = after
  if (before.startedAt) {
    const seconds = (deps.clock.now().getTime() - before.startedAt.getTime()) / 1000
    deps.meter.runEnded({ module, status: runStatus[report.outcome] }, seconds)
  }
  // What others promise their runs must not follow from what anybody says.
  if (agent.trusted) deps.peaks.note(deps, before, report)
  deps.logger.info({ run, outcome: report.outcome, status: after.status, origin }, 'finished')
}

const taskOf = (deps: Deps, run: RunId): Promise<TaskDoc | null> => deps.store.tasks.get(parseRunId(run).task)

const isCurrent = (task: TaskDoc, run: RunId): boolean => task.status === 'running' && task.currentRun === run
/** Thought lost, requeued, and nobody claimed the next attempt. */
const isLostButFree = (task: TaskDoc, run: RunId): boolean => task.status === 'queued' && task.lostRun === run
const takesEffect = (task: TaskDoc, run: RunId): boolean => isCurrent(task, run) || isLostButFree(task, run)

/** The write found nothing to do: applied already by a duplicate of this request, a late failure, or stale. */
async function lateAnswer(deps: Deps, run: RunId, report: FinishReport): Promise<FinishAnswer> {
  const task = await taskOf(deps, run)
  if (!task) return { stale: true }
  if (task.appliedRun === run) return { applied: true }
  if (!isLostButFree(task, run)) return { stale: true }
  await endRun(deps, task, run, endOf(report, task.startedAt, deps.clock.now()), task.currentRun)
  return { applied: true }
}

/** The task as this report leaves it; `null` when the report changes nothing. */
export function decideFinish(
  task: TaskDoc,
  run: RunId,
  report: FinishReport,
  result: Record<string, StoredOutput>,
  now: Date,
  random: number,
): TaskDoc | null {
  if (task.settle) return null
  const end = endOf(report, task.startedAt, now)
  const error = report.error ?? null
  if (isLostButFree(task, run)) {
    if (report.outcome !== 'succeeded') return null
    const settle = { kind: 'terminal' as const, run, end, waiting: task.currentRun }
    return move(task, 'succeeded', now, {
      result,
      currentRun: run,
      appliedRun: run,
      lostRun: null,
      finishedAt: now,
      settle,
    })
  }
  if (!isCurrent(task, run)) return null

  const terminal = { kind: 'terminal' as const, run, end, waiting: null }
  if (task.cancelRequestedAt) {
    const cancelled: TaskError = {
      code: 'cancelled',
      message: 'Cancelled on request.',
      retryable: false,
      detail: { confirmed: true },
    }
    const marker = { ...terminal, end: { ...end, status: 'cancelled' as const, error: cancelled } }
    return move(task, 'cancelled', now, {
      error: cancelled,
      appliedRun: run,
      finishedAt: now,
      settle: marker,
    })
  }
  if (report.outcome === 'succeeded') {
    return move(task, 'succeeded', now, {
      result,
      error: null,
      appliedRun: run,
      finishedAt: now,
      settle: terminal,
    })
  }
  if (report.outcome === 'handed_back')
    return requeue(task, run, { ...end, error: handedBack }, now, 0, task.failures)

  const failures = task.failures + 1
  if (mayRetry(report.outcome, error, task.failures) && failures < task.maxAttempts) {
    return requeue(task, run, end, now, delaySeconds(task.backoff, failures, random), failures)
  }
  const status = report.outcome === 'cancelled' ? 'cancelled' : 'failed'
  return move(task, status, now, {
    error: error ?? unexplained(report.outcome),
    failures,
    appliedRun: run,
    finishedAt: now,
    settle: terminal,
  })
}

function requeue(
  task: TaskDoc,
  run: RunId,
  end: RunEnd,
  now: Date,
  delay: number,
  failures: number,
): TaskDoc {
  const attempt = task.attempt + 1
  const until = delay > 0 ? new Date(now.getTime() + delay * 1000) : null
  return move(task, 'queued', now, {
    failures,
    attempt,
    currentRun: runIdOf(task._id, attempt),
    appliedRun: run,
    lostRun: null,
    alone: end.error?.code === 'out_of_memory',
    queuedAt: now,
    startedAt: null,
    settle: { kind: 'requeue', run, end, until },
  })
}

/** What counts as what: LIFECYCLE's table. Out of memory is tried once more only. */
export function mayRetry(outcome: Outcome, error: TaskError | null, failuresBefore: number): boolean {
  if (outcome === 'timed_out') return true
  if (outcome !== 'failed') return false
  if (error?.code === 'out_of_memory') return failuresBefore === 0
  return error?.retryable ?? false
}

const handedBack: TaskError = {
  code: 'lost',
  message: 'The agent was stopped and handed the task back.',
  retryable: true,
}
const unexplained = (outcome: Outcome): TaskError => ({
  code: outcome === 'timed_out' ? 'timed_out' : outcome === 'cancelled' ? 'cancelled' : 'crashed',
  message: `The run ${outcome === 'timed_out' ? 'took too long' : outcome} and the agent gave no reason.`,
  retryable: outcome !== 'cancelled',
})

const runStatus: Record<Outcome, RunStatus> = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  timed_out: 'timed_out',
  handed_back: 'cancelled',
}

function endOf(report: FinishReport, claimedAt: Date | null, now: Date): RunEnd {
  return {
    status: runStatus[report.outcome],
    exitCode: report.exitCode ?? null,
    signal: report.signal ?? null,
    error: report.error ?? null,
    usage: report.usage ?? null,
    log: report.log
      ? { lines: report.log.lines, bytes: report.log.bytes, truncated: report.log.truncated }
      : null,
    logSaved: isLogSaved(report),
    startedAt: report.startedAt ? new Date(report.startedAt) : null,
    finishedAt: now,
    endedAt: processEnd(report, claimedAt, now),
  }
}

/** The size of the archived log is told only by an agent that got it into the store. */
const isLogSaved = ({ log }: FinishReport): boolean => log?.size !== undefined || log?.lines === 0
