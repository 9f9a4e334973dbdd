import { setPause } from '../operations/agents/pause.ts'
import type { Ports } from '../ports.ts'

/** Agents whose pause is over work again, and are told so. */
export async function resumePausedAgents(ports: Ports): Promise<void> {
  const now = ports.clock.now().getTime()
  const agents = await ports.store.agents.find({ sessionEndedAt: null }, { limit: 1_000 })
  for (const agent of agents)
    if (agent.asked?.until && new Date(agent.asked.until).getTime() <= now) await setPause(ports, agent, null)
}
