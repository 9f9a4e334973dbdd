import type { RunId } from '@millrace/shared'
import type { QueueDoc } from '../../store/documents/queue.ts'
import type { RunDoc } from '../../store/documents/run.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { rankOf } from '../queue/rank.ts'

/** A run that waits for its claim. */
export function newRun(task: TaskDoc, run: RunId, now: Date): RunDoc {
  return {
    _id: run,
    rev: 1,
    task: task._id,
    attempt: task.attempt,
    module: task.module,
    version: task.version,
    digest: null,
    agentId: null,
    status: 'queued',
    exitCode: null,
    signal: null,
    error: null,
    nextRun: null,
    createdAt: now,
    startedAt: null,
    finishedAt: null,
    endedAt: null,
    usage: null,
    log: null,
    archive: 'none',
  }
}

/** What the claim of a task adds to its run. */
export function claimOf({ agentId, ranVersion, ranDigest, startedAt }: TaskDoc): Partial<RunDoc> {
  return { status: 'running', agentId, version: ranVersion, digest: ranDigest, startedAt }
}

/** A run as the claim of its task leaves it. */
export function claimedRun(task: TaskDoc, run: RunId, createdAt: Date): RunDoc {
  const waiting = newRun(task, run, createdAt)
  return { ...waiting, ...claimOf(task), rev: waiting.rev + 1 }
}

/** Says that a run may be claimed, from `until` on where there is one. */
export function newEntry(task: TaskDoc, run: RunId, now: Date, until: Date | null): QueueDoc {
  return {
    _id: run,
    rev: 1,
    task: task._id,
    module: task.module,
    version: task.version,
    priority: task.priority,
    rank: rankOf({ priority: task.priority, place: task.place, queuedAt: now, task: task._id }),
    concurrencyKey: task.concurrencyKey,
    concurrencyLimit: task.concurrencyLimit,
    queuedAt: now,
    state: until ? 'parked' : 'open',
    until,
    slot: null,
  }
}
