import { moduleEvent } from '@millrace/shared'
import { pauseOf } from '../operations/agents/presence.ts'
import { positionIn } from '../operations/queue/rank.ts'
import { globalSlot } from '../operations/queue/slots.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { AgentDoc } from '../store/documents/agent.ts'
import type { QueueDoc } from '../store/documents/queue.ts'

const atOnce = 200
/** The token of a fresh entry may still be on its way. */
const patienceMs = 1_000

/** Sends missing tokens for ready work that a connected agent could run. */
export async function sendTokens(ports: SettlePorts): Promise<void> {
  const before = ports.clock.now().getTime() - patienceMs
  const all = await ports.store.queue.find({ state: 'open' }, { sort: { rank: 1 }, limit: atOnce })
  for (const [priority, [first]] of Map.groupBy(all, (entry) => entry.priority))
    if (first) ports.shares.served(priority, positionIn(first.rank))
  const open = all.filter((entry) => entry.queuedAt.getTime() < before)
  if (open.length === 0) return
  const slot = await ports.store.slots.get(globalSlot)
  const room = slot ? slot.limit - slot.holders.length : 0
  if (room <= 0) return
  const agents = await ports.store.agents.find({ sessionEndedAt: null }, { limit: 1_000 })
  const awake = agents.filter((agent) => pauseOf(agent, ports.clock.now()) === null)
  const wanted = Map.groupBy(
    open.filter((entry) => awake.some((agent) => canRun(agent, entry))),
    (entry) => entry.module,
  )
  for (const [module, entries] of wanted) {
    // Agents without NATS take no tokens: their long polls read the queue again.
    ports.bus.announce(moduleEvent(module))
    const missing = Math.min(entries.length, room) - (await ports.bus.pendingTokens(module))
    for (let sent = 0; sent < missing; sent += 1) await ports.bus.sendToken(module)
  }
}

const canRun = (agent: AgentDoc, entry: QueueDoc): boolean =>
  agent.modules.some(
    (one) =>
      one.name === entry.module &&
      one.status === 'AVAILABLE' &&
      (entry.version === null || entry.version === one.version),
  )
