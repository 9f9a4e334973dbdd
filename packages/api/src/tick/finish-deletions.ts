import { finishDeletion } from '../operations/data/delete-data.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'

const atOnce = 100
/** Whoever deletes an item sees it through; only what was left alone for longer was left behind. */
const patienceMs = 3_000

/** Items that a crash left half deleted go, or come back when a task needs them. */
export async function finishDeletions(ports: SettlePorts): Promise<void> {
  const before = new Date(ports.clock.now().getTime() - patienceMs)
  const items = await ports.store.data.find(
    { status: { $in: ['deleting', 'removing'] }, updatedAt: { $lte: before } },
    { limit: atOnce },
  )
  for (const item of items) {
    ports.logger.info({ data: item._id, status: item.status }, 'finishing a deletion that was left')
    await finishDeletion(ports, item)
  }
}
