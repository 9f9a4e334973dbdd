import { settleData } from '../operations/data/complete-upload.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import { settle } from '../operations/settle/settle.ts'

const atOnce = 100
/** Whoever set a marker carries it out at once; only what is older was left behind. */
const patienceMs = 3_000

export async function carryOnMarkers(ports: SettlePorts): Promise<void> {
  const before = ports.clock.now().getTime() - patienceMs
  const tasks = await ports.store.tasks.find(
    { 'settle.kind': { $in: ['admit', 'revive', 'requeue', 'resume', 'terminal'] } },
    { limit: atOnce },
  )
  for (const task of tasks) {
    if (task.updatedAt.getTime() > before) continue
    ports.logger.info({ task: task._id, marker: task.settle?.kind }, 'carrying on what was left')
    await settle(ports, task)
  }
  const items = await ports.store.data.find({ 'settle.kind': 'admit-waiting' }, { limit: atOnce })
  for (const item of items) if (item.updatedAt.getTime() <= before) await settleData(ports, item)
}
