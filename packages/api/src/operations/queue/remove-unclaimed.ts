import type { RunId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** Removes an entry that may not be claimed any more, and cancels its run unless that was claimed. */
export async function removeUnclaimed(ports: Ports, task: TaskDoc | null, run: RunId): Promise<void> {
  const wasClaimed = task?.currentRun === run && task.startedAt !== null
  if (!wasClaimed) await cancelWaitingRun(ports, run, ports.clock.now())
  await ports.store.queue.remove(run)
}

export async function cancelWaitingRun(ports: Ports, run: string, at: Date): Promise<void> {
  await ports.store.runs.change(run, (doc) =>
    doc.status === 'queued' ? { ...doc, status: 'cancelled', finishedAt: at } : null,
  )
}
