import type { Deps } from '../deps.ts'
import { abortBatch, removeMembers } from '../operations/batches/abort-batch.ts'
import { admitMembers } from '../operations/batches/carry-on-batch.ts'
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
export async function carryOnBatches(deps: Deps): Promise<void> {
  const left = [
    ...(await batchesOf(deps, 'committed', patienceMs)),
    ...(await batchesOf(deps, 'opened', patienceMs)),
  ]
  for (const batch of left) {
    deps.logger.info({ batch: batch._id }, 'carrying on a batch that was left')
    await admitMembers(deps, batch._id, membersAtOnce)
  }
}

/** Those that never were committed are given up; what is left of old ones goes. */
export const tidyBatches = onceAMinute('tidy-batches', async (deps: Deps) => {
  for (const { _id } of await batchesOf(deps, 'staging', stagingLastsMs)) await abortBatch(deps, _id)
  for (const batch of await batchesOf(deps, 'aborted', stagingLastsMs)) {
    const isEmpty = await removeMembers(deps, batch._id)
    if (isEmpty && batch.at < ago(deps, keptMs)) await deps.store.batches.removeUnchanged(batch)
  }
  for (const batch of await batchesOf(deps, 'admitted', keptMs))
    await deps.store.batches.removeUnchanged(batch)
})

const batchesOf = (deps: Deps, state: BatchDoc['state'], olderThanMs: number) =>
  deps.store.batches.find({ state, at: { $lte: ago(deps, olderThanMs) } }, { limit: batchesAtOnce })

const ago = (deps: Deps, ms: number): Date => new Date(deps.clock.now().getTime() - ms)
