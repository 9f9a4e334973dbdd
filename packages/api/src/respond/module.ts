import { dataTypesOf, Manifest, type Module, moduleStatusOrder } from '@millrace/shared'
import type { AgentDoc } from '../store/documents/agent.ts'
import type { ModuleDoc, ModuleEntry } from '../store/documents/module.ts'

/** A module as clients see it: what it takes and gives, and how it stands on each agent. */
export function presentModule(module: ModuleDoc, agents: readonly AgentDoc[]): Module {
  const connected = new Set(agents.filter((agent) => !agent.sessionEndedAt).map((agent) => agent._id))
  const best = bestEntry(module.entries, connected)
  const manifest = manifestOf(best) ?? module.entries.map(manifestOf).find((one) => one !== null) ?? null
  return {
    name: module._id,
    version: best?.version ?? '0.0.0',
    versions: [...new Set(module.entries.map((entry) => entry.version))],
    description: manifest?.description ?? '',
    status: best?.status ?? 'ERROR',
    digest: best?.digest ?? '',
    inputs: manifest?.inputs ?? [],
    outputs: manifest?.outputs ?? [],
    resources: manifest?.resources ?? { usesGpu: false, minRamBytes: 0, minVramBytes: 0 },
    timeoutSeconds: manifest?.timeoutSeconds ?? 300,
    capabilities: {
      accepts: [...new Set(manifest?.inputs.flatMap(dataTypesOf))],
      returns: [...new Set(manifest?.outputs.flatMap(dataTypesOf))],
    },
    agents: module.entries.map(({ manifest: _, ...entry }) => entry),
    createdAt: module.createdAt.toISOString(),
    updatedAt: module.updatedAt.toISOString(),
  }
}

/** The best state that a connected agent has; among equals the first one reported. */
function bestEntry(entries: readonly ModuleEntry[], connected: ReadonlySet<string>): ModuleEntry | undefined {
  const pool = entries.filter((entry) => connected.has(entry.agentId))
  const from = pool.length > 0 ? pool : entries
  return [...from].sort(
    (a, b) => moduleStatusOrder.indexOf(a.status) - moduleStatusOrder.indexOf(b.status),
  )[0]
}

const manifestOf = (entry: ModuleEntry | undefined): Manifest | null =>
  entry?.manifest ? (Manifest.safeParse(JSON.parse(entry.manifest)).data ?? null) : null
