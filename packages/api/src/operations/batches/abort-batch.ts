import type { BatchId } from '@millrace/shared'
import { mapConcurrently } from '../../concurrency/map-concurrently.ts'
import type { Ports } from '../../ports.ts'

const membersAtOnce = 1_000
const callsAtOnce = 8

/**
 * Aborts an abandoned batch. One write keeps any other process from committing it; the batch stays as a tombstone, since
 * that process may still insert members.
 */
export async function abortBatch(ports: Ports, batch: BatchId): Promise<void> {
  const change = await ports.store.batches.change(batch, (doc) =>
    doc.state === 'staging' ? { ...doc, state: 'aborted', at: ports.clock.now() } : null,
  )
  if (!change) return
  ports.failpoint('batch.aborted')
  await removeMembers(ports, batch)
}

/** Removes members of an aborted batch. `true`: none is left. */
export async function removeMembers(ports: Ports, batch: BatchId): Promise<boolean> {
  const members = await ports.store.tasks.find({ 'settle.batch': batch }, { limit: membersAtOnce })
  await mapConcurrently(callsAtOnce, members, async (member) => {
    await ports.store.tasks.removeUnchanged(member)
  })
  return members.length < membersAtOnce
}
