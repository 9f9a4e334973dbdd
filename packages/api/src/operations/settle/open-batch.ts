import type { BatchId, TaskId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import { newOutput } from '../task/new-output.ts'

const membersAtOnce = 500

/**
 * Creates the outputs of all members before any of them is admitted: a member that reads another's output too early
 * would take it for gone. `false`: the batch is not committed.
 */
export async function openBatch(ports: Ports, batch: BatchId): Promise<boolean> {
  const doc = await ports.store.batches.get(batch)
  if (!doc || doc.state === 'staging' || doc.state === 'aborted') return false
  if (doc.state !== 'committed') return true
  for (let after: TaskId | undefined; ; ) {
    const members = await ports.store.tasks.find(
      { 'settle.batch': batch, ...(after ? { _id: { $gt: after } } : {}) },
      { sort: { _id: 1 }, limit: membersAtOnce },
    )
    await ports.store.data.followUp.insertMissing(
      members.flatMap((task) => Object.keys(task.outputs).flatMap((key) => newOutput(task, key))),
    )
    ports.failpoint('batch.outputs-created')
    after = members.at(-1)?._id
    if (members.length < membersAtOnce) break
  }
  await ports.store.batches.change(doc, (current) =>
    current.state === 'committed' ? { ...current, state: 'opened', at: ports.clock.now() } : null,
  )
  ports.failpoint('batch.opened')
  return true
}
