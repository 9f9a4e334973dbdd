import type { Offer } from '@millrace/shared'
import type { QueuedTask } from '../../store/documents/queue.ts'
import { compareVersions } from '../modules/versions.ts'

const nearTieMs = 2_000

type Choice = {
  fitting: readonly QueuedTask[]
  waiting: readonly QueuedTask[]
  roomy: readonly Offer[]
  cramped: readonly Offer[]
  passed: ReadonlySet<string>
}
export type Picked =
  | { kind: 'task'; task: QueuedTask; offer: Offer; more: boolean }
  | { kind: 'reserve'; reserve: { module: string; version: string } }

/**
 * The best task by rank; a warm module wins among those of the same priority queued within two seconds.
 * A task of higher priority that has no room prevents lower ones from taking the room that it waits for.
 */
export function pickTask({ fitting, waiting, roomy, cramped, passed }: Choice): Picked | null {
  const candidates = fitting.flatMap((task) => {
    const offer = passed.has(task.currentRun) ? undefined : offerFor(task, roomy)
    return offer ? [{ task, offer }] : []
  })
  const best = candidates[0]
  const urgent = waiting.flatMap((task) => {
    const offer = offerFor(task, cramped)
    return offer ? [{ task, offer }] : []
  })[0]
  if (urgent && best && moreUrgent(urgent.task, best.task)) {
    return { kind: 'reserve', reserve: { module: urgent.offer.module, version: urgent.offer.version } }
  }
  if (!best) return null
  const warm = candidates.find(({ task, offer }) => offer.warm > 0 && nearTie(task, best.task))
  return { kind: 'task', ...(warm ?? best), more: candidates.length > 1 }
}

/** A task without a version gets the newest one offered. */
const offerFor = (task: QueuedTask, offers: readonly Offer[]): Offer | undefined =>
  offers
    .filter(
      (offer) => offer.module === task.module && (task.version === null || task.version === offer.version),
    )
    .sort((a, b) => compareVersions(b.version, a.version) || b.warm - a.warm)[0]

const priorityOf = (task: QueuedTask): string => task.entry.rank.slice(0, 1)
const moreUrgent = (a: QueuedTask, b: QueuedTask): boolean => priorityOf(a) < priorityOf(b)
const nearTie = (a: QueuedTask, b: QueuedTask): boolean =>
  priorityOf(a) === priorityOf(b) && Math.abs(a.queuedAt.getTime() - b.queuedAt.getTime()) <= nearTieMs
