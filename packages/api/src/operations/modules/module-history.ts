import type { ModuleDoc, ModuleEntry } from '../../store/documents/module.ts'

type Move = ModuleDoc['history'][number]

const kept = 100
/** Changes of agents without a trusted key push out only their own. */
const keptWithoutTrust = 30

/** The changes between two reports of one agent, followed by the earlier ones. */
export function moved(
  history: readonly Move[],
  before: readonly ModuleEntry[],
  after: readonly ModuleEntry[],
  at: Date,
): Move[] {
  const fresh = after
    .filter((entry) => !before.some((one) => isSame(one, entry) && one.status === entry.status))
    .map(({ agentId, version, digest, status, error, trusted }) => ({
      agentId,
      version,
      digest,
      status,
      error,
      at,
      trusted,
    }))
  const gone = before
    .filter((entry) => !after.some((one) => isSame(one, entry)))
    .map(({ agentId, version, digest, trusted }) => ({
      agentId,
      version,
      digest,
      status: null,
      error: null,
      at,
      trusted,
    }))
  const all = [...fresh, ...gone, ...history]
  const doubtful = new Set(all.filter((one) => !one.trusted).slice(keptWithoutTrust))
  return all.filter((one) => !doubtful.has(one)).slice(0, kept)
}

const isSame = (one: ModuleEntry, other: ModuleEntry): boolean =>
  one.version === other.version && one.digest === other.digest
