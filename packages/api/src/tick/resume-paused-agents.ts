import type { Deps } from '../deps.ts'
import { setPause } from '../operations/agents/pause.ts'

/** Agents whose pause is over work again, and are told so. */
export async function resumePausedAgents(deps: Deps): Promise<void> {
  const now = deps.clock.now().getTime()
  const agents = await deps.store.agents.find({ sessionEndedAt: null }, { limit: 1_000 })
  for (const agent of agents)
    if (agent.asked?.until && new Date(agent.asked.until).getTime() <= now) await setPause(deps, agent, null)
}
