import { moduleEvent } from '@millrace/shared'
import { pauseOf } from '../operations/agents/presence.ts'
import { globalSlot } from '../operations/queue/slots.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { AgentDoc } from '../store/documents/agent.ts'
import { positionIn, type QueuedTask } from '../store/documents/queue.ts'

const atOnce = 200
/** The token of a fresh task may still be on its way. */
const patienceMs = 1_000

/** Sends missing tokens for queued work that a connected agent could run. */
export async function sendTokens(ports: SettlePorts): Promise<void> {
  const before = ports.clock.now().getTime() - patienceMs
  const all = await ports.store.queue.find(
    { 'entry.state': 'open' },
    { sort: { 'entry.rank': 1 }, limit: atOnce },
  )
  for (const [priority, [first]] of Map.groupBy(all, (task) => task.priority))
    if (first) ports.shares.served(priority, positionIn(first.entry.rank))
  const open = all.filter((task) => task.queuedAt.getTime() < before)
  if (open.length === 0) return
  const slot = await ports.store.slots.get(globalSlot)
  const room = slot ? slot.limit - slot.holders.length : 0
  if (room <= 0) return
  const agents = await ports.store.agents.find({ sessionEndedAt: null }, { limit: 1_000 })
  const awake = agents.filter((agent) => pauseOf(agent, ports.clock.now()) === null)
  const wanted = Map.groupBy(
    open.filter((task) => awake.some((agent) => canRun(agent, task))),
    (task) => task.module,
  )
  for (const [module, tasks] of wanted) {
    // Agents without NATS take no tokens: their long polls read the queue again.
    ports.bus.announce(moduleEvent(module))
    const missing = Math.min(tasks.length, room) - (await ports.bus.pendingTokens(module))
    for (let sent = 0; sent < missing; sent += 1) await ports.bus.sendToken(module)
  }
}

const canRun = (agent: AgentDoc, task: QueuedTask): boolean =>
  agent.modules.some(
    (one) =>
      one.name === task.module &&
      one.status === 'AVAILABLE' &&
      (task.version === null || task.version === one.version),
  )
