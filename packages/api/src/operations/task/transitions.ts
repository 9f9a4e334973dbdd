import { type Offer, type RunId, runIdOf, type TaskError } from '@millrace/shared'
import type { AgentDoc } from '../../store/documents/agent.ts'
import { newEntry } from '../../store/documents/queue.ts'
import type { RunEnd } from '../../store/documents/run.ts'
import type { StoredOutput, TaskDoc } from '../../store/documents/task.ts'
import { move } from './move.ts'

/*
 * The arrows of a task's state diagram, in the order of its life. Each returns the task as the arrow leaves it, or null
 * where the arrow does not start. No other file changes the status of a task; `fresh-round.ts` has the arrows that lead
 * back to the start.
 */

/** blocked → queued: nothing is missing. `place` is its fair-queue position. `settle`: what is still to be created. */
export function queued(task: TaskDoc, place: number, now: Date, settle: TaskDoc['settle'] = null) {
  if (task.status !== 'blocked') return null
  const until = task.notBefore && task.notBefore > now ? task.notBefore : null
  return move(task, 'queued', now, {
    waitingFor: [],
    settle,
    currentRun: runIdOf(task._id, task.attempt),
    place,
    entry: newEntry({ ...task, place }, now, until),
    queuedAt: now,
  })
}

/** blocked → skipped or failed, by the policy of the task: something it needs will never come. */
export function upstreamFailed(
  task: TaskDoc,
  status: 'skipped' | 'failed',
  error: TaskError,
  now: Date,
): TaskDoc | null {
  if (task.status !== 'blocked') return null
  const settle = { kind: 'terminal' as const, run: null, end: null, waiting: null }
  return move(task, status, now, { error, waitingFor: [], finishedAt: now, settle })
}

export type Claim = { run: RunId; claimId: string; agent: AgentDoc; offer: Offer }

/** queued → running, while it waits with this attempt and nothing is left to settle. */
export function claimed(task: TaskDoc, { run, claimId, agent, offer }: Claim, now: Date) {
  if (task.status !== 'queued' || task.currentRun !== run || isBusy(task)) return null
  return move(task, 'running', now, {
    claimId,
    sessionId: agent.sessionId,
    agentId: agent._id,
    lostRun: null,
    ranVersion: offer.version,
    ranDigest: offer.digest,
    startedAt: now,
  })
}

/** queued → running: the expired run is still being worked on, and no agent claimed the next attempt. */
export function resumed(task: TaskDoc, agent: AgentDoc, run: RunId, now: Date): TaskDoc | null {
  const waiting = task.currentRun
  if (!isExpiredButFree(task, run) || task.settle || task.agentId !== agent._id || !waiting) return null
  const settle = { kind: 'resume' as const, run, waiting }
  return move(task, 'running', now, { currentRun: run, lostRun: null, sessionId: agent.sessionId, settle })
}

/** blocked or queued → cancelled. */
export function cancelled(task: TaskDoc, now: Date): TaskDoc | null {
  if (!isWaiting(task) || task.settle) return null
  const waiting = task.currentRun ?? runIdOf(task._id, task.attempt)
  return move(task, 'cancelled', now, {
    error: { code: 'cancelled', message: 'Cancelled on request.', retryable: false },
    cancelRequestedAt: now,
    waitingFor: [],
    finishedAt: now,
    settle: { kind: 'terminal', run: null, end: null, waiting },
  })
}

/** running → running: its agent is asked to stop. */
export const cancelRequested = (task: TaskDoc, now: Date): TaskDoc | null =>
  task.status !== 'running' || isBusy(task) || task.cancelRequestedAt
    ? null
    : { ...task, cancelRequestedAt: now, updatedAt: now }

type RunEnded = { run: RunId; end: RunEnd } & Partial<TaskDoc>

/** running → succeeded, failed or cancelled, with the end of its run. */
export function ended(
  task: TaskDoc,
  status: 'succeeded' | 'failed' | 'cancelled',
  { run, end, ...changes }: RunEnded,
  now: Date,
) {
  if (!isCurrent(task, run) || isBusy(task)) return null
  const settle = { kind: 'terminal' as const, run, end, waiting: null, ...unsureAfter(task) }
  return move(task, status, now, { ...changes, finishedAt: now, settle })
}

type Succeeded = { run: RunId; end: RunEnd; result: Record<string, StoredOutput> }

/** queued → succeeded: the expired run succeeded, and no agent claimed the next attempt. */
export function succeededLate(task: TaskDoc, { run, end, result }: Succeeded, now: Date) {
  if (!isExpiredButFree(task, run) || task.settle) return null
  return move(task, 'succeeded', now, {
    result,
    currentRun: run,
    appliedRun: run,
    lostRun: null,
    finishedAt: now,
    settle: { kind: 'terminal', run, end, waiting: task.currentRun },
  })
}

/** running → queued: the next attempt, after a delay. */
export function requeued(
  task: TaskDoc,
  { run, end, delay, ...changes }: RunEnded & { delay: number },
  now: Date,
) {
  if (!isCurrent(task, run) || isBusy(task)) return null
  const attempt = task.attempt + 1
  const until = delay > 0 ? new Date(now.getTime() + delay * 1000) : null
  return move(task, 'queued', now, {
    ...changes,
    attempt,
    currentRun: runIdOf(task._id, attempt),
    queuedAt: now,
    entry: newEntry(task, now, until),
    startedAt: null,
    settle: { kind: 'requeue', run, end, ...unsureAfter(task) },
  })
}

const isWaiting = (task: TaskDoc): boolean => task.status === 'queued' || task.status === 'blocked'

/** Whether a follow-up must be carried out before the next transition. What is to be created can wait for the end. */
export const isBusy = ({ settle }: TaskDoc): boolean => settle !== null && settle.kind !== 'create'

const unsureAfter = ({ settle }: TaskDoc) => (settle?.kind === 'create' ? { unsure: true } : {})

/** Whether this attempt may still be claimed, now or after its admission. */
export const mayBeClaimed = (task: TaskDoc, run: RunId): boolean =>
  isWaiting(task) && runIdOf(task._id, task.attempt) === run

export const isCurrent = (task: TaskDoc, run: RunId): boolean =>
  task.status === 'running' && task.currentRun === run

/** The run expired, the task was requeued, and no agent claimed the next attempt. */
export const isExpiredButFree = (task: TaskDoc, run: RunId): boolean =>
  task.status === 'queued' && task.lostRun === run
