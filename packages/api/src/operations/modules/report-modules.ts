import type { InventoryAnswer, InventoryModule } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { ModuleDoc, ModuleEntry } from '../../store/documents/module.ts'
import { moved } from './module-history.ts'
import { announceModules, refreshModules } from './refresh-modules.ts'

/** An agent says which modules it has and how each stands: the registry follows, and only here. */
export async function reportModules(
  deps: Deps,
  agent: AgentDoc,
  inventory: readonly InventoryModule[],
): Promise<InventoryAnswer> {
  const now = deps.clock.now()
  await Promise.all(
    inventory.filter((one) => one.status === 'AVAILABLE').map((one) => ensureWork(deps, one.name)),
  )
  const reported = Map.groupBy(inventory, (one) => one.name)
  const changed: string[] = []
  for (const [name, some] of reported)
    if (await writeEntries(deps, name, agent, some, now)) changed.push(name)
  const before = await deps.store.modules.find({ 'entries.agentId': agent._id }, { limit: 1_000 })
  const gone = before.map((module) => module._id).filter((name) => !reported.has(name))
  for (const name of gone) await writeEntries(deps, name, agent, [], now)
  await deps.store.agents.change(agent, (current) =>
    current.sessionId === agent.sessionId
      ? { ...current, modules: current.modules.filter((one) => reported.has(one.name)), updatedAt: now }
      : null,
  )
  await refreshModules(deps, [...reported.keys(), ...gone])
  await announceModules(deps, [...changed, ...gone])
  const modules = await deps.store.modules.many([...reported.keys()])
  const peaks = modules.flatMap((module) => module.peaks.map(({ digest, ...peak }) => [digest, peak]))
  return {
    modules: Object.fromEntries(modules.map(({ _id, disabled }) => [_id, disabled ? 'disabled' : 'enabled'])),
    ...(peaks.length > 0 ? { peaks: Object.fromEntries(peaks) } : {}),
  }
}

/** Without NATS the tick makes it later; the report counts all the same. */
async function ensureWork(deps: Deps, module: string): Promise<void> {
  try {
    await deps.bus.ensureWork(module)
  } catch (err) {
    deps.logger.warn({ err, module }, 'no consumer for this module yet; the tick makes it')
  }
}

/** Whether anything was new. */
async function writeEntries(
  deps: Deps,
  name: string,
  agent: AgentDoc,
  reported: readonly InventoryModule[],
  now: Date,
): Promise<boolean> {
  const fresh = reported.map((one) => entryOf(agent, one, now))
  const made: ModuleDoc = {
    _id: name,
    rev: 1,
    entries: fresh,
    disabled: false,
    peaks: [],
    history: moved([], [], fresh, now),
    createdAt: now,
    updatedAt: now,
  }
  if (fresh.length > 0 && (await deps.store.modules.insert(made))) return true
  const change = await deps.store.modules.change(name, (module) => {
    const mine = module.entries.filter((entry) => entry.agentId === agent._id)
    const entries = fresh.map((entry) => ({ ...entry, since: sinceOf(entry, mine) }))
    if (JSON.stringify(mine) === JSON.stringify(entries)) return null
    return {
      ...module,
      entries: [...module.entries.filter((entry) => entry.agentId !== agent._id), ...entries],
      history: moved(module.history, mine, entries, now),
      updatedAt: now,
    }
  })
  return change !== null
}

/** The same contents keep the time at which they were first told of. */
const sinceOf = (entry: ModuleEntry, before: readonly ModuleEntry[]): Date =>
  before.find(({ version, digest }) => version === entry.version && digest === entry.digest)?.since ??
  entry.since

function entryOf(agent: AgentDoc, one: InventoryModule, now: Date): ModuleEntry {
  return {
    agentId: agent._id,
    version: one.version,
    digest: one.digest,
    status: one.status,
    manifest: one.manifest === null ? null : JSON.stringify(one.manifest),
    path: one.path,
    pythonExec: one.pythonExec ?? null,
    error: one.error ?? null,
    healthCheck: one.healthCheck ?? null,
    installSeconds: one.installSeconds ?? null,
    since: now,
  }
}
