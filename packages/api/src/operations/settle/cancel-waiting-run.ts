import type { Ports } from '../../ports.ts'

/** Cancels a run that no agent has claimed. */
export async function cancelWaitingRun(ports: Ports, run: string, at: Date): Promise<void> {
  await ports.store.runs.change(run, (doc) =>
    doc.status === 'queued' ? { ...doc, status: 'cancelled', finishedAt: at } : null,
  )
}
