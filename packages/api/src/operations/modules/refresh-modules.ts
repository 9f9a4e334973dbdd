import type { Ports } from '../../ports.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { ModuleDoc, ModuleEntry } from '../../store/documents/module.ts'
import { announceModule } from './announce-module.ts'
import { withheld } from './approval.ts'
import { connectedOf, standing } from './standing.ts'
import { removeUnknown } from './write-report.ts'

/**
 * Updates these modules in the agents' documents, which a claim reads. Runs whenever a report, a session or a switch may
 * have changed their status.
 */
export async function refreshModules(ports: Ports, names: readonly string[]): Promise<void> {
  for (const found of await ports.store.modules.many(names)) {
    const agents = await agentsOf(ports, found)
    const module = await withoutGone(ports, found, agents)
    const entries = [
      ...standing(module, connectedOf(agents)),
      ...withheld(module).map((entry) => ({ ...entry, awaits: true })),
    ]
    for (const agent of agents.filter((one) => !one.sessionEndedAt)) {
      const own = entries.filter((entry) => entry.agentId === agent._id)
      await ports.store.agents.change(agent, (current) => withStanding(current, module, own))
    }
  }
}

/** Announces modules after anything that may have changed how clients see them. */
export async function announceModules(ports: Ports, names: readonly string[]): Promise<void> {
  for (const module of await ports.store.modules.many(names)) {
    const agents = await agentsOf(ports, module)
    announceModule(ports, module, agents)
  }
}

/** All agents that have it, approved or not. */
export const agentsOf = (ports: Ports, { entries, awaiting }: ModuleDoc): Promise<AgentDoc[]> =>
  ports.store.agents.many([...new Set([...entries, ...awaiting].map((entry) => entry.agentId))])

/** Removes waiting entries of disconnected agents; an agent reports them again when it reconnects. */
async function withoutGone(ports: Ports, module: ModuleDoc, agents: readonly AgentDoc[]): Promise<ModuleDoc> {
  const connected = connectedOf(agents)
  if (module.awaiting.every((entry) => connected.has(entry.agentId))) return module
  const change = await ports.store.modules.change(module, (current) => ({
    ...current,
    awaiting: current.awaiting.filter((entry) => connected.has(entry.agentId)),
  }))
  const left = change?.after ?? module
  await removeUnknown(ports, left)
  return left
}

type Own = ModuleEntry & { awaits?: boolean }

function withStanding(agent: AgentDoc, module: ModuleDoc, own: readonly Own[]): AgentDoc | null {
  const others = agent.modules.filter((one) => one.name !== module._id)
  const { disabled } = module
  const mine = own.map(({ version, digest, status, awaits = false }) => ({
    name: module._id,
    version,
    digest,
    status,
    disabled,
    awaits,
  }))
  const modules = [...others, ...mine].sort(byNameAndVersion)
  return JSON.stringify(modules) === JSON.stringify(agent.modules) ? null : { ...agent, modules }
}

type OnAgent = AgentDoc['modules'][number]
const byNameAndVersion = (a: OnAgent, b: OnAgent): number =>
  keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0
const keyOf = ({ name, version, digest }: OnAgent): string => `${name} ${version} ${digest}`
