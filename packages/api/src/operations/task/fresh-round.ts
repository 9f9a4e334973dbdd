import { isTerminal } from '@millrace/shared'
import type { TaskDoc } from '../../store/documents/task.ts'
import { move } from './move.ts'

/** A task remembers this number of requests, so that a repeated one begins no second round. */
const retriesKept = 20

/** failed, cancelled or skipped → blocked: a caller asks for a fresh round of attempts. */
export function retried(task: TaskDoc, request: string, now: Date): TaskDoc | null {
  if (!isTerminal(task.status) || task.status === 'succeeded' || task.settle) return null
  return freshRound(task, now, { retries: [...task.retries, request].slice(-retriesKept) })
}

/**
 * skipped → blocked: a task it depends on was retried. A task that is still being settled is only touched; the settle
 * then reads it again, and unskips it.
 */
export function revived(task: TaskDoc, now: Date): TaskDoc | null {
  if (task.status !== 'skipped') return null
  return task.settle ? { ...task, updatedAt: now } : freshRound(task, now)
}

/** skipped → blocked, by the last write of the task's settle. */
export const unskipped = (task: TaskDoc, now: Date): TaskDoc | null =>
  task.status === 'skipped' && task.settle?.kind === 'terminal' ? freshRound(task, now) : null

/** The task with all attempts available again. */
const freshRound = (task: TaskDoc, now: Date, changes: Partial<TaskDoc> = {}): TaskDoc =>
  move(task, 'blocked', now, {
    round: task.round + 1,
    attempt: task.attempt + 1,
    failures: 0,
    losses: 0,
    currentRun: null,
    lostRun: null,
    alone: false,
    claimId: null,
    sessionId: null,
    agentId: null,
    waitingFor: [],
    result: null,
    error: null,
    cancelRequestedAt: null,
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
    settle: { kind: 'revive' },
    ...changes,
  })
