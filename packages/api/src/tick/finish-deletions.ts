import type { Deps } from '../deps.ts'
import { finishDeletion } from '../operations/data/delete-data.ts'

const atOnce = 100
/** Whoever deletes an item sees it through; only what was left alone for longer was left behind. */
const patienceMs = 3_000

/** Items that a crash left half deleted go, or come back when a task needs them. */
export async function finishDeletions(deps: Deps): Promise<void> {
  const before = new Date(deps.clock.now().getTime() - patienceMs)
  const items = await deps.store.data.find(
    { status: { $in: ['deleting', 'removing'] }, updatedAt: { $lte: before } },
    { limit: atOnce },
  )
  for (const item of items) {
    deps.logger.info({ data: item._id, status: item.status }, 'finishing a deletion that was left')
    await finishDeletion(deps, item)
  }
}
