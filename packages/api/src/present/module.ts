import { dataTypesOf, Manifest, type Module } from '@millrace/shared'
import { withheld } from '../operations/modules/approval.ts'
import { bestOf, connectedOf, standing } from '../operations/modules/standing.ts'
import { compareVersions } from '../operations/modules/versions.ts'
import type { AgentDoc } from '../store/documents/agent.ts'
import type { ModuleDoc, ModuleEntry } from '../store/documents/module.ts'

/** A module as clients see it: inputs, outputs, and its status on each agent. Lists leave out its history. */
export function presentModule(
  module: ModuleDoc,
  agents: readonly AgentDoc[],
  options: { list?: boolean } = {},
): Module {
  const connected = connectedOf(agents)
  const entries = standing(module, connected)
  const best = bestOf(entries, connected)
  const manifest = manifestOf(best) ?? entries.map(manifestOf).find((one) => one !== null) ?? null
  return {
    name: module._id,
    originalName: manifest?.originalName ?? null,
    version: best?.version ?? '0.0.0',
    versions: [...new Set(entries.map((entry) => entry.version))].sort((a, b) => compareVersions(b, a)),
    description: manifest?.description ?? '',
    status: best?.status ?? 'ERROR',
    digest: best?.digest ?? '',
    inputs: manifest?.inputs ?? [],
    outputs: manifest?.outputs ?? [],
    resources: manifest?.resources ?? { usesGpu: false, minRamBytes: 0, minVramBytes: 0 },
    timeoutSeconds: manifest?.timeoutSeconds ?? 300,
    maxAttempts: manifest?.maxAttempts ?? null,
    capabilities: {
      accepts: [...new Set(manifest?.inputs.flatMap(dataTypesOf))],
      returns: [...new Set(manifest?.outputs.flatMap(dataTypesOf))],
    },
    agents: [
      ...entries.map((entry) => onAgent(entry, false)),
      ...withheld(module).map((entry) => onAgent(entry, true)),
    ],
    awaitingApproval: module.awaiting.map(({ agentId, version, digest, since }) => ({
      agentId,
      version,
      digest,
      since: since.toISOString(),
    })),
    ...(options.list ? {} : { history: module.history.map(moveOf) }),
    createdAt: module.createdAt.toISOString(),
    updatedAt: module.updatedAt.toISOString(),
  }
}

const moveOf = ({ trusted: _, at, ...move }: ModuleDoc['history'][number]) => ({
  ...move,
  at: at.toISOString(),
})

const onAgent = (
  { manifest: _, since: __, trusted: ___, ...entry }: ModuleEntry,
  needsApproval: boolean,
) => ({
  ...entry,
  needsApproval,
})

const manifestOf = (entry: ModuleEntry | undefined): Manifest | null =>
  entry?.manifest ? (Manifest.safeParse(JSON.parse(entry.manifest)).data ?? null) : null
