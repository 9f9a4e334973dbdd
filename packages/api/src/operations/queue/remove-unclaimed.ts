import type { RunId } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** An entry that nobody may claim any more goes, and with it the run that would have been; not one that was claimed. */
export async function removeUnclaimed(deps: Deps, task: TaskDoc | null, run: RunId): Promise<void> {
  const wasClaimed = task?.currentRun === run && task.startedAt !== null
  if (!wasClaimed) await cancelWaitingRun(deps, run, deps.clock.now())
  await deps.store.queue.remove(run)
}

export async function cancelWaitingRun(deps: Deps, run: string, at: Date): Promise<void> {
  await deps.store.runs.change(run, (doc) =>
    doc.status === 'queued' ? { ...doc, status: 'cancelled', finishedAt: at } : null,
  )
}
