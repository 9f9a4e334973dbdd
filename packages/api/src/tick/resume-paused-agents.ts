import { setPause } from '../operations/agents/pause.ts'
import type { Ports } from '../ports.ts'

/** Ends expired pauses and sends their agents a command. */
export async function resumePausedAgents(ports: Ports): Promise<void> {
  const now = ports.clock.now().getTime()
  const agents = await ports.store.agents.find({ sessionEndedAt: null }, { limit: 1_000 })
  for (const agent of agents)
    if (agent.asked?.until && new Date(agent.asked.until).getTime() <= now) await setPause(ports, agent, null)
}
