import type { FinishReport, Outcome, RunId, TaskError } from '@millrace/shared'
import type { StoredOutput, TaskDoc } from '../../store/documents/task.ts'
import { delaySeconds } from './backoff.ts'
import { reportedEnd } from './run-end.ts'
import { ended, isExpiredButFree, requeued, succeededLate } from './transitions.ts'

export type Finished = { run: RunId; report: FinishReport; result: Record<string, StoredOutput> }

/** The task as the report of its run leaves it; `null` when the report changes nothing. `random`: between 0 and 1. */
export function afterReport(
  task: TaskDoc,
  { run, report, result }: Finished,
  now: Date,
  random: number,
): TaskDoc | null {
  const end = reportedEnd(report, task.startedAt, now)
  const error = report.error ?? null
  const applied = { run, end, appliedRun: run }
  if (isExpiredButFree(task, run))
    return report.outcome === 'succeeded' ? succeededLate(task, { run, end, result }, now) : null
  if (task.cancelRequestedAt) {
    const marked = { ...end, status: 'cancelled' as const, error: cancelConfirmed }
    return ended(task, 'cancelled', { ...applied, end: marked, error: cancelConfirmed }, now)
  }
  if (report.outcome === 'succeeded')
    return ended(task, 'succeeded', { ...applied, result, error: null }, now)
  const again = { ...applied, lostRun: null }
  if (report.outcome === 'handed_back')
    return requeued(task, { ...again, end: { ...end, error: handedBack }, alone: false, delay: 0 }, now)

  const failures = task.failures + 1
  if (mayRetry(report.outcome, error, task.failures) && failures < task.maxAttempts) {
    const alone = error?.code === 'out_of_memory'
    const delay = delaySeconds(task.backoff, failures, random)
    return requeued(task, { ...again, failures, alone, delay }, now)
  }
  const status = report.outcome === 'cancelled' ? 'cancelled' : 'failed'
  return ended(task, status, { ...applied, error: error ?? unexplained(report.outcome), failures }, now)
}

/** The table of outcomes in docs/task-life.md. A task that ran out of memory gets only one more attempt. */
export function mayRetry(outcome: Outcome, error: TaskError | null, failuresBefore: number): boolean {
  if (outcome === 'timed_out') return true
  if (outcome !== 'failed') return false
  if (error?.code === 'out_of_memory') return failuresBefore === 0
  return error?.retryable ?? false
}

const cancelConfirmed: TaskError = {
  code: 'cancelled',
  message: 'Cancelled on request.',
  retryable: false,
  detail: { confirmed: true },
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
