import type { Offer } from '@millrace/shared'
import type { QueueDoc } from '../../store/documents/queue.ts'
import { compareVersions } from '../modules/versions.ts'

const nearTieMs = 2_000

type Choice = {
  fitting: readonly QueueDoc[]
  waiting: readonly QueueDoc[]
  roomy: readonly Offer[]
  cramped: readonly Offer[]
  passed: ReadonlySet<string>
}
export type Picked =
  | { kind: 'entry'; entry: QueueDoc; offer: Offer; more: boolean }
  | { kind: 'reserve'; reserve: { module: string; version: string } }

/**
 * The best entry by rank; a warm module wins among those of the same priority queued within two seconds.
 * An entry of higher priority that has no room prevents lower ones from taking the room that it waits for.
 */
export function pickEntry({ fitting, waiting, roomy, cramped, passed }: Choice): Picked | null {
  const candidates = fitting.flatMap((entry) => {
    const offer = passed.has(entry._id) ? undefined : offerFor(entry, roomy)
    return offer ? [{ entry, offer }] : []
  })
  const best = candidates[0]
  const urgent = waiting.flatMap((entry) => {
    const offer = offerFor(entry, cramped)
    return offer ? [{ entry, offer }] : []
  })[0]
  if (urgent && best && moreUrgent(urgent.entry, best.entry)) {
    return { kind: 'reserve', reserve: { module: urgent.offer.module, version: urgent.offer.version } }
  }
  if (!best) return null
  const warm = candidates.find(({ entry, offer }) => offer.warm > 0 && nearTie(entry, best.entry))
  return { kind: 'entry', ...(warm ?? best), more: candidates.length > 1 }
}

/** A task without a version gets the newest one offered. */
const offerFor = (entry: QueueDoc, offers: readonly Offer[]): Offer | undefined =>
  offers
    .filter(
      (offer) => offer.module === entry.module && (entry.version === null || entry.version === offer.version),
    )
    .sort((a, b) => compareVersions(b.version, a.version) || b.warm - a.warm)[0]

const priorityOf = (entry: QueueDoc): string => entry.rank.slice(0, 1)
const moreUrgent = (a: QueueDoc, b: QueueDoc): boolean => priorityOf(a) < priorityOf(b)
const nearTie = (a: QueueDoc, b: QueueDoc): boolean =>
  priorityOf(a) === priorityOf(b) && Math.abs(a.queuedAt.getTime() - b.queuedAt.getTime()) <= nearTieMs
