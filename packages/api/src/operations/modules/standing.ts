import { type AgentId, moduleStatusOrder } from '@millrace/shared'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { ModuleDoc, ModuleEntry } from '../../store/documents/module.ts'
import { compareVersions } from './versions.ts'

/**
 * How a module stands on each agent, all agents considered: disabled by somebody, or kept back because another
 * connected agent had other contents under the same name and version before. Tasks must not get this or that
 * code as chance has it.
 */
export function standing(module: ModuleDoc, connected: ReadonlySet<AgentId>): ModuleEntry[] {
  return module.entries.map((entry) => {
    if (module.disabled) return { ...entry, status: 'DISABLED' }
    const rival = entry.status === 'AVAILABLE' ? rivalOf(entry, module.entries, connected) : undefined
    return rival ? { ...entry, status: 'ERROR', error: kept(module._id, entry, rival) } : entry
  })
}

function rivalOf(
  entry: ModuleEntry,
  all: readonly ModuleEntry[],
  connected: ReadonlySet<AgentId>,
): ModuleEntry | undefined {
  return all.find(
    (other) =>
      other.agentId !== entry.agentId &&
      other.status === 'AVAILABLE' &&
      other.version === entry.version &&
      other.digest !== entry.digest &&
      connected.has(other.agentId) &&
      cameBefore(other, entry),
  )
}

function cameBefore(one: ModuleEntry, other: ModuleEntry): boolean {
  const difference = one.since.getTime() - other.since.getTime()
  return difference === 0 ? one.agentId < other.agentId : difference < 0
}

const kept = (name: string, { version }: ModuleEntry, rival: ModuleEntry): string =>
  `Another agent (${rival.agentId}) has other contents as ${name}@${version}: give these a version of their own.`

export const connectedOf = (agents: readonly AgentDoc[]): Set<AgentId> =>
  new Set(agents.filter((agent) => !agent.sessionEndedAt).map((agent) => agent._id))

/** The best state that a connected agent has; among equals the newest version, then the first one reported. */
export function bestOf(
  entries: readonly ModuleEntry[],
  connected: ReadonlySet<AgentId>,
): ModuleEntry | undefined {
  const pool = entries.filter((entry) => connected.has(entry.agentId))
  const from = pool.length > 0 ? pool : entries
  return [...from].sort(
    (a, b) =>
      moduleStatusOrder.indexOf(a.status) - moduleStatusOrder.indexOf(b.status) ||
      compareVersions(b.version, a.version),
  )[0]
}

export function bestEntry(module: ModuleDoc, agents: readonly AgentDoc[]): ModuleEntry | undefined {
  const connected = connectedOf(agents)
  return bestOf(standing(module, connected), connected)
}
