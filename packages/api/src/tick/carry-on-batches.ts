import { abortBatch, removeMembers } from '../operations/batches/abort-batch.ts'
import { admitMembers } from '../operations/batches/carry-on-batch.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { Ports } from '../ports.ts'
import type { BatchDoc } from '../store/documents/batch.ts'
import { onceAMinute } from './once-a-minute.ts'

const batchesAtOnce = 10
const membersAtOnce = 200
/** Whoever works on a batch writes at least as often; only what is older was left behind. */
const patienceMs = 3_000
const stagingLastsMs = 5 * 60_000
/** Longer than an Idempotency-Key is remembered: nobody comes back to it. */
const keptMs = 25 * 3600_000

/** Batches that were committed and left are admitted on. */
export async function carryOnBatches(ports: SettlePorts): Promise<void> {
  const left = [
    ...(await batchesOf(ports, 'committed', patienceMs)),
    ...(await batchesOf(ports, 'opened', patienceMs)),
  ]
  for (const batch of left) {
    ports.logger.info({ batch: batch._id }, 'carrying on a batch that was left')
    await admitMembers(ports, batch._id, membersAtOnce)
  }
}

/** Those that never were committed are given up; what is left of old ones goes. */
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
