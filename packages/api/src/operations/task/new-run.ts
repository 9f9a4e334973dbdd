import type { RunId } from '@millrace/shared'
import type { RunDoc } from '../../store/documents/run.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

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
