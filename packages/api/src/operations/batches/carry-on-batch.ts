import type { BatchId } from '@millrace/shared'
import { mapConcurrently } from '../../concurrency/map-concurrently.ts'
import { openBatch } from '../settle/open-batch.ts'
import type { SettlePorts } from '../settle/ports.ts'
import { settle } from '../settle/settle.ts'

const stepSize = 100
const callsAtOnce = 8

/** Admits the members of a committed batch until none is left. */
export async function carryOnBatch(ports: SettlePorts, batch: BatchId): Promise<void> {
  while (!(await admitMembers(ports, batch, stepSize)));
}

/** Admits some members of a committed batch. `true`: none is left. */
export async function admitMembers(ports: SettlePorts, batch: BatchId, most: number): Promise<boolean> {
  await openBatch(ports, batch)
  const members = await ports.store.tasks.find(
    { 'settle.batch': batch },
    { sort: { _id: 1 }, limit: most + 1 },
  )
  await mapConcurrently(callsAtOnce, members.slice(0, most), async (member) => {
    await settle(ports, member)
  })
  const isThrough = members.length <= most
  const change = await ports.store.batches.change(batch, (doc) =>
    doc.state === 'opened'
      ? { ...doc, state: isThrough ? 'admitted' : 'opened', at: ports.clock.now() }
      : null,
  )
  if (change) ports.failpoint('batch.admitted')
  return isThrough
}
