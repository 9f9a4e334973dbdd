import type { Deps } from '../../deps.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { ModuleDoc, ModuleEntry } from '../../store/documents/module.ts'
import { announceModule } from '../announce.ts'
import { connectedOf, standing } from './standing.ts'

/**
 * Brings what the agents' documents say of these modules up to date: a claim looks there, and nowhere else.
 * Repeated whenever a report, a session or a switch may have changed how they stand.
 */
export async function refreshModules(deps: Deps, names: readonly string[]): Promise<void> {
  for (const module of await deps.store.modules.many(names)) {
    const agents = await deps.store.agents.many([...new Set(module.entries.map((entry) => entry.agentId))])
    const entries = standing(module, connectedOf(agents))
    for (const agent of agents.filter((one) => !one.sessionEndedAt)) {
      const own = entries.filter((entry) => entry.agentId === agent._id)
      await deps.store.agents.change(agent, (current) => withStanding(current, module, own))
    }
  }
}

/** After whatever may have changed how they stand to those who look at them. */
export async function announceModules(deps: Deps, names: readonly string[]): Promise<void> {
  for (const module of await deps.store.modules.many(names)) {
    const agents = await deps.store.agents.many([...new Set(module.entries.map((entry) => entry.agentId))])
    announceModule(deps, module, agents)
  }
}

function withStanding(agent: AgentDoc, module: ModuleDoc, own: readonly ModuleEntry[]): AgentDoc | null {
  const others = agent.modules.filter((one) => one.name !== module._id)
  const { disabled } = module
  const mine = own.map(({ version, digest, status }) => ({
    name: module._id,
    version,
    digest,
    status,
    disabled,
  }))
  const modules = [...others, ...mine].sort(byNameAndVersion)
  return JSON.stringify(modules) === JSON.stringify(agent.modules) ? null : { ...agent, modules }
}

type OnAgent = AgentDoc['modules'][number]
export const byNameAndVersion = (a: OnAgent, b: OnAgent): number =>
  keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0
const keyOf = ({ name, version, digest }: OnAgent): string => `${name} ${version} ${digest}`
