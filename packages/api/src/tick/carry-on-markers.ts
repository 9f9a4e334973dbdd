import { settleData } from '../operations/data/complete-upload.ts'
import { settleCreates } from '../operations/settle/create.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import { settle } from '../operations/settle/settle.ts'

const atOnce = 100
/** The process that sets a marker settles it at once; an older marker was abandoned. */
const patienceMs = 3_000

export async function carryOnMarkers(ports: SettlePorts): Promise<void> {
  const before = ports.clock.now().getTime() - patienceMs
  const tasks = await ports.store.tasks.find(
    { 'settle.kind': { $in: ['admit', 'revive', 'requeue', 'resume', 'terminal'] } },
    { limit: atOnce },
  )
  for (const task of tasks) {
    if (task.updatedAt.getTime() > before) continue
    ports.logger.info({ task: task._id, marker: task.settle?.kind }, 'settling an abandoned marker')
    await settle(ports, task)
  }
  // These come after all others: every task that waits for a claim may have one.
  const created = await ports.store.tasks.find(
    { 'settle.kind': 'create' },
    { sort: { _id: 1 }, limit: atOnce },
  )
  await settleCreates(
    ports,
    created.filter((task) => task.updatedAt.getTime() <= before),
  )
  const items = await ports.store.data.find({ 'settle.kind': 'admit-waiting' }, { limit: atOnce })
  for (const item of items) if (item.updatedAt.getTime() <= before) await settleData(ports, item)
}
