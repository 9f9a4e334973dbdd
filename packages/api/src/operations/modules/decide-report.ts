import type { AgentId } from '@millrace/shared'
import type { ModuleDoc, ModuleEntry } from '../../store/documents/module.ts'
import { approve, isApproved } from './approval.ts'
import { moved } from './module-history.ts'

/** The most bytes of a module's document (at most 16 MiB) that agents without a trusted key may fill. */
const untrustedBytes = 4 * 1024 * 1024

/** The module after an agent's report; `null`: nothing changed. `full`: the report does not fit. */
export function decideReport(
  module: ModuleDoc,
  agent: { _id: AgentId; trusted: boolean },
  reported: readonly ModuleEntry[],
  now: Date,
): ModuleDoc | null | 'full' {
  const isMine = (entry: ModuleEntry) => entry.agentId === agent._id
  const mine = module.entries.filter(isMine)
  const mineAwaiting = module.awaiting.filter(isMine)
  const others = { ...module, entries: module.entries.filter((entry) => !isMine(entry)) }
  const fresh = reported.map((entry) => ({ ...entry, since: sinceOf(entry, [...mine, ...mineAwaiting]) }))
  const entries = agent.trusted ? fresh : fresh.filter((entry) => isApproved(others, entry))
  const awaiting = fresh.filter((entry) => !entries.includes(entry))
  const withReport: ModuleDoc = {
    ...module,
    entries: isEqual(mine, entries) ? module.entries : [...others.entries, ...entries],
    awaiting: isEqual(mineAwaiting, awaiting)
      ? module.awaiting
      : [...module.awaiting.filter((entry) => !isMine(entry)), ...awaiting],
  }
  const approved = agent.trusted ? entries.filter((one) => one.status === 'AVAILABLE') : []
  const after = approve(withReport, approved, 'agent', now)
  const grown = [...awaiting, ...entries].length > 0 && !agent.trusted
  if (grown && bytesOfUntrusted(after) > Math.max(untrustedBytes, bytesOfUntrusted(module))) return 'full'
  const isOld = (key: 'entries' | 'awaiting' | 'approved') => after[key] === module[key]
  if (isOld('entries') && isOld('awaiting') && isOld('approved')) return null
  return { ...after, history: moved(module.history, mine, entries, now), updatedAt: now }
}

const isEqual = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

const bytesOfUntrusted = ({ entries, awaiting }: ModuleDoc): number =>
  Buffer.byteLength(JSON.stringify([entries.filter((one) => !one.trusted), awaiting]))

/** The same contents keep the time of their first report. */
const sinceOf = (entry: ModuleEntry, before: readonly ModuleEntry[]): Date =>
  before.find(({ version, digest }) => version === entry.version && digest === entry.digest)?.since ??
  entry.since
