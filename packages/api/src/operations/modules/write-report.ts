import type { InventoryModule } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { ModuleDoc, ModuleEntry } from '../../store/documents/module.ts'
import { isUnknown } from './approval.ts'
import { decideReport } from './decide-report.ts'

/** The most modules that await approval at once, so that no agent can fill the registry. */
const mostAwaiting = 100
/** The longest text in a report of an agent without a trusted key, in characters. */
const longestText = 1_000

type Reporter = { _id: AgentDoc['_id']; trusted: boolean; at: Date }

/** Stores what an agent reports of one module. `full`: the registry has no room for more without approval. */
export async function writeReport(
  ports: Ports,
  name: string,
  reporter: Reporter,
  reported: readonly InventoryModule[],
): Promise<'changed' | 'same' | 'full'> {
  const now = reporter.at
  const fresh = reported.map((one) => entryOf(reporter, one))
  for (;;) {
    const known = await ports.store.modules.get(name)
    if (!known) {
      if (fresh.length === 0) return 'same'
      if (!reporter.trusted && (await isCrowded(ports))) return 'full'
      const made = decideReport(newModule(name, now), reporter, fresh, now)
      if (made === 'full') return 'full'
      if (made && (await ports.store.modules.insert(made))) return 'changed'
      continue
    }
    let isFull = false
    const change = await ports.store.modules.change(known, (module) => {
      const decided = decideReport(module, reporter, fresh, now)
      isFull = decided === 'full'
      return decided === 'full' ? null : decided
    })
    if (isFull) return 'full'
    if (change) {
      await removeUnknown(ports, change.after)
      return 'changed'
    }
    // Another process may have removed it meanwhile, as a module without any approval.
    if (await ports.store.modules.get(name)) return 'same'
  }
}

/** Removes a module that was never approved and that no agent has any more. */
export async function removeUnknown(ports: Ports, module: ModuleDoc): Promise<void> {
  if (module.awaiting.length === 0 && !module.disabled && isUnknown(module))
    await ports.store.modules.removeUnchanged(module)
}

const isCrowded = async (ports: Ports): Promise<boolean> =>
  (await ports.store.modules.count({ 'awaiting.agentId': { $gt: '' } }, mostAwaiting)) >= mostAwaiting

const newModule = (name: string, now: Date): ModuleDoc => ({
  _id: name,
  rev: 1,
  entries: [],
  awaiting: [],
  approved: [],
  disabled: false,
  peaks: [],
  history: [],
  createdAt: now,
  updatedAt: now,
})

function entryOf({ _id, trusted, at }: Reporter, one: InventoryModule): ModuleEntry {
  const short = (text: string) => (trusted ? text : text.slice(0, longestText))
  return {
    agentId: _id,
    version: one.version,
    digest: one.digest,
    status: one.status,
    manifest: one.manifest === null ? null : JSON.stringify(one.manifest),
    path: short(one.path),
    pythonExec: one.pythonExec ? short(one.pythonExec) : null,
    error: one.error ? short(one.error) : null,
    healthCheck: one.healthCheck ?? null,
    installSeconds: one.installSeconds ?? null,
    since: at,
    trusted,
  }
}
