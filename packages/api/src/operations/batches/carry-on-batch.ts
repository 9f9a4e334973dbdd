import type { BatchId } from '@millrace/shared'
import { mapConcurrently } from '../../concurrency/map-concurrently.ts'
import type { Deps } from '../../deps.ts'
import { openBatch } from '../settle/open-batch.ts'
import { settle } from '../settle/settle.ts'

const stepSize = 100
const callsAtOnce = 8

/** Admits the members of a committed batch until none is left. */
export async function carryOnBatch(deps: Deps, batch: BatchId): Promise<void> {
  while (!(await admitMembers(deps, batch, stepSize)));
}

/** Admits some members of a committed batch. `true`: none is left. */
export async function admitMembers(deps: Deps, batch: BatchId, most: number): Promise<boolean> {
  await openBatch(deps, batch)
  const members = await deps.store.tasks.find(
    { 'settle.batch': batch },
    { sort: { _id: 1 }, limit: most + 1 },
  )
  await mapConcurrently(callsAtOnce, members.slice(0, most), async (member) => {
    await settle(deps, member)
  })
  const isThrough = members.length <= most
  const change = await deps.store.batches.change(batch, (doc) =>
    doc.state === 'opened'
      ? { ...doc, state: isThrough ? 'admitted' : 'opened', at: deps.clock.now() }
      : null,
  )
  if (change) deps.failpoint('batch.admitted')
  return isThrough
}
