import type { Deps } from '../deps.ts'
import { letRest } from '../operations/agents/rest.ts'

/** Agents whose pause is over work again, and are told so. */
export async function wakeRestedAgents(deps: Deps): Promise<void> {
  const now = deps.clock.now().getTime()
  const agents = await deps.store.agents.find({ sessionEndedAt: null }, { limit: 1_000 })
  for (const agent of agents)
    if (agent.asked?.until && new Date(agent.asked.until).getTime() <= now) await letRest(deps, agent, null)
}
