import { type AgentId, moduleStatusOrder } from '@millrace/shared'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { ModuleDoc, ModuleEntry } from '../../store/documents/module.ts'
import { approvalOf } from './approval.ts'
import { compareVersions } from './versions.ts'

/**
 * The status of a module on each agent. An operator may have disabled it, or another connected agent may block it by an
 * earlier report of different contents under the same name and version: which code runs a task must not depend on chance,
 * unless an operator approved both. An agent with an untrusted key blocks no trusted one. Among untrusted agents the last
 * approval counts, so that neither their reports nor the order of these decide.
 */
export function standing(module: ModuleDoc, connected: ReadonlySet<AgentId>): ModuleEntry[] {
  return module.entries.map((entry) => {
    if (module.disabled) return { ...entry, status: 'DISABLED' }
    const rival = entry.status === 'AVAILABLE' ? rivalOf(entry, module, connected) : undefined
    return rival ? { ...entry, status: 'ERROR', error: kept(module._id, entry, rival) } : entry
  })
}

function rivalOf(
  entry: ModuleEntry,
  module: ModuleDoc,
  connected: ReadonlySet<AgentId>,
): ModuleEntry | undefined {
  const own = approvalOf(module, entry)
  if (own?.by === 'operator') return undefined
  return module.entries.find(
    (other) =>
      other.agentId !== entry.agentId &&
      other.status === 'AVAILABLE' &&
      other.version === entry.version &&
      other.digest !== entry.digest &&
      connected.has(other.agentId) &&
      hasPrecedence(module, other, entry),
  )
}

function hasPrecedence(module: ModuleDoc, one: ModuleEntry, other: ModuleEntry): boolean {
  if (one.trusted !== other.trusted) return one.trusted
  if (one.trusted) return cameBefore(one, other)
  const approvedAt = (entry: ModuleEntry) => approvalOf(module, entry)?.at.getTime() ?? 0
  return approvedAt(one) === approvedAt(other) ? cameBefore(one, other) : approvedAt(one) > approvedAt(other)
}

function cameBefore(one: ModuleEntry, other: ModuleEntry): boolean {
  const difference = one.since.getTime() - other.since.getTime()
  return difference === 0 ? one.agentId < other.agentId : difference < 0
}

const kept = (name: string, { version }: ModuleEntry, rival: ModuleEntry): string =>
  `Another agent (${rival.agentId}) has different contents as ${name}@${version}: give these another version, or let both serve with POST /api/modules/${name}/approve.`

export const connectedOf = (agents: readonly AgentDoc[]): Set<AgentId> =>
  new Set(agents.filter((agent) => !agent.sessionEndedAt).map((agent) => agent._id))

/** The best status on a connected agent; among equals the newest version, then the first report. */
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
