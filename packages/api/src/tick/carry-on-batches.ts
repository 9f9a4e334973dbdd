import { abortBatch, removeMembers } from '../operations/batches/abort-batch.ts'
import { admitMembers } from '../operations/batches/carry-on-batch.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { Ports } from '../ports.ts'
import type { BatchDoc } from '../store/documents/batch.ts'
import { onceAMinute } from './once-a-minute.ts'

const batchesAtOnce = 10
const membersAtOnce = 200
/** A process that works on a batch writes at least this often; an older batch was abandoned. */
const patienceMs = 3_000
const stagingLastsMs = 5 * 60_000
/** Longer than the API remembers an Idempotency-Key: no repeated request needs the batch any more. */
const keptMs = 25 * 3600_000

/** Admits the remaining members of committed batches whose process died. */
export async function carryOnBatches(ports: SettlePorts): Promise<void> {
  const left = [
    ...(await batchesOf(ports, 'committed', patienceMs)),
    ...(await batchesOf(ports, 'opened', patienceMs)),
  ]
  for (const batch of left) {
    ports.logger.info({ batch: batch._id }, 'continuing an abandoned batch')
    await admitMembers(ports, batch._id, membersAtOnce)
  }
}

/** Aborts batches that were never committed, and removes old ones. */
export const tidyBatches = onceAMinute('tidy-batches', async (ports: Ports) => {
  for (const { _id } of await batchesOf(ports, 'staging', stagingLastsMs)) await abortBatch(ports, _id)
  for (const batch of await batchesOf(ports, 'aborted', stagingLastsMs)) {
    const isEmpty = await removeMembers(ports, batch._id)
    if (isEmpty && batch.at < ago(ports, keptMs)) await ports.store.batches.removeUnchanged(batch)
  }
  for (const batch of await batchesOf(ports, 'admitted', keptMs))
    await ports.store.batches.removeUnchanged(batch)
})

const batchesOf = (ports: Ports, state: BatchDoc['state'], olderThanMs: number) =>
  ports.store.batches.find({ state, at: { $lte: ago(ports, olderThanMs) } }, { limit: batchesAtOnce })

const ago = (ports: Ports, ms: number): Date => new Date(ports.clock.now().getTime() - ms)
