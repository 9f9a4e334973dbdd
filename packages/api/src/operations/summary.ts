import { isTerminal, Summary, statusGroups, TaskStatus } from '@millrace/shared'
import type { Ports } from '../ports.ts'
import { isOnline } from './agents/presence.ts'

const summaryId = 'summary'
const freshMs = 4_000

/** Counting reads whole collections, so all readers of the next seconds share one count. */
export async function summary(ports: Ports): Promise<Summary> {
  const now = ports.clock.now()
  const kept = await ports.store.meta.get(summaryId)
  if (kept && now.getTime() - kept.at.getTime() < freshMs) return Summary.parse(JSON.parse(kept.json))
  const counted = await count(ports, now)
  const doc = { _id: summaryId, rev: 1, at: now, json: JSON.stringify(counted) }
  if (!(await ports.store.meta.insert(doc)))
    await ports.store.meta.change(summaryId, (current) => ({ ...current, at: now, json: doc.json }))
  return counted
}

async function count(ports: Ports, now: Date): Promise<Summary> {
  const [{ tasks, data }, agents] = await Promise.all([
    ports.store.count(),
    ports.store.agents.find({}, { limit: 10_000 }),
  ])
  const byStatus: Record<string, number> = Object.fromEntries(TaskStatus.options.map((status) => [status, 0]))
  const perModule: Summary['perModule'] = {}
  for (const row of tasks) {
    byStatus[row.status] = (byStatus[row.status] ?? 0) + row.count
    perModule[row.module] ??= { planned: 0, active: 0, completed: 0 }
    const counts = perModule[row.module]
    if (counts) counts[groupOf(row.status)] += row.count
  }
  const sum = (statuses: readonly TaskStatus[]) =>
    statuses.reduce((total, status) => total + (byStatus[status] ?? 0), 0)
  return {
    asOf: now.toISOString(),
    tasks: {
      planned: sum(statusGroups.planned),
      active: sum(statusGroups.active),
      completed: sum(statusGroups.completed),
      byStatus,
    },
    perModule,
    agents: {
      total: agents.length,
      online: agents.filter((agent) => isOnline(agent, now)).length,
    },
    data,
  }
}

function groupOf(status: string): keyof typeof statusGroups {
  const known = TaskStatus.parse(status)
  if (isTerminal(known)) return 'completed'
  return known === 'running' ? 'active' : 'planned'
}
