import { finishDeletion } from '../operations/data/delete-data.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'

const atOnce = 100
/** The process that deletes an item works without a break; an older deletion was abandoned. */
const patienceMs = 3_000

/** Finishes deletions that a crash interrupted, or undoes them when a task needs the item. */
export async function finishDeletions(ports: SettlePorts): Promise<void> {
  const before = new Date(ports.clock.now().getTime() - patienceMs)
  const items = await ports.store.data.find(
    { status: { $in: ['deleting', 'removing'] }, updatedAt: { $lte: before } },
    { limit: atOnce },
  )
  for (const item of items) {
    ports.logger.info({ data: item._id, status: item.status }, 'finishing an abandoned deletion')
    await finishDeletion(ports, item)
  }
}
