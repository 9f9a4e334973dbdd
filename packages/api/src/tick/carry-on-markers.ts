import type { Deps } from '../deps.ts'
import { settleData } from '../operations/data/complete-upload.ts'
import { settle } from '../operations/settle/settle.ts'

const atOnce = 100
/** Whoever set a marker carries it out at once; only what is older was left behind. */
const patienceMs = 3_000

export async function carryOnMarkers(deps: Deps): Promise<void> {
  const before = deps.clock.now().getTime() - patienceMs
  const tasks = await deps.store.tasks.find(
    { 'settle.kind': { $in: ['admit', 'revive', 'requeue', 'resume', 'terminal'] } },
    { limit: atOnce },
  )
  for (const task of tasks) {
    if (task.updatedAt.getTime() > before) continue
    deps.logger.info({ task: task._id, marker: task.settle?.kind }, 'carrying on what was left')
    await settle(deps, task)
  }
  const items = await deps.store.data.find({ 'settle.kind': 'admit-waiting' }, { limit: atOnce })
  for (const item of items) if (item.updatedAt.getTime() <= before) await settleData(deps, item)
}
