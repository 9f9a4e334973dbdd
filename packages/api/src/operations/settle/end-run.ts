import { parseRunId, type RunId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { RunDoc, RunEnd } from '../../store/documents/run.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { claimedRun, newRun } from '../task/new-run.ts'

/**
 * Writes how a run of this task ended, once. It also writes what the claim could not, where the process died after the
 * claim of the task.
 */
export async function endRun(
  ports: Ports,
  task: TaskDoc,
  run: RunId,
  { nextRun, logSaved, startedAt, ...end }: RunEnd & { nextRun: TaskDoc['currentRun'] },
): Promise<void> {
  await ports.store.runs.changeOrInsert(thoughtToBe(task, run), (doc) => {
    if (doc.finishedAt && doc.status === end.status) return null
    return {
      ...doc,
      ...end,
      agentId: doc.agentId ?? task.agentId,
      version: doc.version ?? task.ranVersion,
      digest: doc.digest ?? task.ranDigest,
      startedAt: doc.startedAt ?? startedAt,
      nextRun: nextRun ?? doc.nextRun,
      archive: logSaved ? 'done' : 'due',
    }
  })
}

/** The run as its claim left it, which no writer changes before its end; or as it was created. */
function thoughtToBe(task: TaskDoc, run: RunId): RunDoc {
  if (run === task.currentRun && task.startedAt && task.queuedAt) return claimedRun(task, run, task.queuedAt)
  return newRun({ ...task, attempt: parseRunId(run).attempt }, run, task.createdAt)
}
