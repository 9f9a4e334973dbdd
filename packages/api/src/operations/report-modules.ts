import type { InventoryModule } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import type { AgentDoc } from '../store/documents/agent.ts'
import type { ModuleDoc, ModuleEntry } from '../store/documents/module.ts'

/** An agent says which modules it has and how each stands: the registry follows, and only here. */
export async function reportModules(
  deps: Deps,
  agent: AgentDoc,
  inventory: readonly InventoryModule[],
): Promise<void> {
  const now = deps.clock.now()
  await Promise.all(
    inventory.filter((one) => one.status === 'AVAILABLE').map((one) => ensureWork(deps, one.name)),
  )
  for (const [name, reported] of Map.groupBy(inventory, (one) => one.name)) {
    const entries = reported.map((one) => entryOf(agent, one))
    await writeEntries(deps, name, agent, entries, now)
  }
  const names = new Set(inventory.map((one) => one.name))
  for (const gone of await deps.store.modules.find({ 'entries.agentId': agent._id }, { limit: 1_000 })) {
    if (!names.has(gone._id)) await writeEntries(deps, gone._id, agent, [], now)
  }
  await deps.store.agents.change(agent, (current) =>
    current.sessionId === agent.sessionId
      ? {
          ...current,
          modules: inventory.map(({ name, version, digest, status }) => ({ name, version, digest, status })),
          updatedAt: now,
        }
      : null,
  )
}

/** Without NATS the tick makes it later; the report counts all the same. */
async function ensureWork(deps: Deps, module: string): Promise<void> {
  try {
    await deps.bus.ensureWork(module)
  } catch (err) {
    deps.logger.warn({ err, module }, 'no consumer for this module yet; the tick makes it')
  }
}

async function writeEntries(
  deps: Deps,
  name: string,
  agent: AgentDoc,
  entries: ModuleEntry[],
  now: Date,
): Promise<void> {
  const made: ModuleDoc = { _id: name, rev: 1, entries, createdAt: now, updatedAt: now }
  if (entries.length > 0 && (await deps.store.modules.insert(made))) return
  await deps.store.modules.change(name, (module) => {
    const mine = module.entries.filter((entry) => entry.agentId === agent._id)
    if (JSON.stringify(mine) === JSON.stringify(entries)) return null
    return {
      ...module,
      entries: [...module.entries.filter((entry) => entry.agentId !== agent._id), ...entries],
      updatedAt: now,
    }
  })
}

function entryOf(agent: AgentDoc, one: InventoryModule): ModuleEntry {
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
  }
}
