import type { DataDoc, TaskDoc } from '@millrace/api/life'
import { isAwaited, isTerminal, taskMoves } from '@millrace/shared'
import type { Mirror, Seen } from './mirror.ts'

export const moduleLimit = 2
export const globalLimit = 3

/** What must hold in every state that the database is ever in. Returns what was broken by a write. */
export class MomentRules {
  readonly #mirror: Mirror
  /** Items and tasks that have ended at some time: who may run without them, may have run then. */
  readonly #everEnded = new Set<string>()
  /** Runs that went on after they were thought lost: they may stand above a limit. */
  readonly #resumed = new Set<string>()
  readonly everRan = new Set<string>()
  /** Runs whose report once took effect. */
  readonly everApplied = new Set<string>()
  readonly #winning = new Map<string, string>()

  constructor(mirror: Mirror) {
    this.#mirror = mirror
  }

  judge(seen: Seen): string | null {
    if (seen.kind === 'tasks' && seen.after) return this.#ofTask(seen.before, seen.after)
    if (seen.kind === 'data' && seen.after) return this.#ofItem(seen.before, seen.after)
    if (seen.kind === 'slots') return this.#holders()
    return null
  }

  #ofTask(before: TaskDoc | undefined, after: TaskDoc): string | null {
    if (isTerminal(after.status)) this.#everEnded.add(after._id)
    if (after.settle?.kind === 'resume') this.#resumed.add(after.settle.run)
    if (after.status === 'running' && after.currentRun) this.everRan.add(after.currentRun)
    if (after.appliedRun) this.everApplied.add(after.appliedRun)
    if (before?.status === 'queued' && after.status === 'running') this.#noteWinner(after)
    if ((after.status === 'queued') !== (after.entry !== null))
      return `no task stuck: ${after._id} is ${after.status}, ${after.entry ? 'in' : 'in no'} queue`
    if (!before) return null
    return (
      faultOfMove(before, after) ??
      (before.status !== after.status && (after.status === 'queued' || after.status === 'running')
        ? this.#releasedEarly(after)
        : null) ??
      (before.settle && !after.settle ? this.#settled(before, after) : null) ??
      this.#holders() ??
      this.#overLimit()
    )
  }

  #ofItem(before: DataDoc | undefined, after: DataDoc): string | null {
    if (!isAwaited(after.status)) this.#everEnded.add(after._id)
    if (before?.status === 'available' && after.status === 'available' && before.json !== after.json)
      return `outputs of one run only: ${after._id} changed from ${before.json} to ${after.json}`
    if (before && after.round < before.round)
      return `rounds only grow: ${after._id} went back to ${after.round}`
    return null
  }

  /** A task never stands ready while something it needs has not ended. */
  #releasedEarly(task: TaskDoc): string | null {
    const lenient = task.onUpstreamFailure === 'run'
    const late = [...task.reads, ...task.after].find((id) => {
      if (lenient) return !this.#everEnded.has(id) && this.#mirror.data.has(id)
      const item = this.#mirror.data.get(id)
      const upstream = this.#mirror.tasks.get(id)
      return item ? item.status !== 'available' : upstream ? upstream.status !== 'succeeded' : false
    })
    return late
      ? `no dependent released early: ${task._id} became ${task.status} before ${late} had ended`
      : null
  }

  /** The place that a run holds when it begins, where it is sure to be its own. */
  #noteWinner({ currentRun }: TaskDoc): void {
    const own = this.#mirror.slots.get('global')?.holders.filter(({ run }) => run === currentRun) ?? []
    const [first] = own
    if (first && own.length === 1) this.#winning.set(first.run, first.attempt)
  }

  /** When all that followed from a write is done, nothing of the old run is left. */
  #settled(before: TaskDoc, after: TaskDoc): string | null {
    const marker = before.settle
    if (marker?.kind !== 'terminal' && marker?.kind !== 'requeue') return null
    const over = marker.run // a twin of its claim may just be trying, too late
    if (over && over !== (after.status === 'running' ? after.currentRun : null)) {
      const slot = [...this.#mirror.slots.values()].find(({ holders }) =>
        holders.some(({ run, attempt }) => run === over && this.#winning.get(run) === attempt),
      )
      if (slot) return `counts right: ${over} has ended and still holds a place in ${slot._id}`
    }
    return null
  }

  /** Every running task holds its place, from before its claim until it is settled. */
  #holders(): string | null {
    const held = new Set(this.#mirror.slots.get('global')?.holders.map(({ run }) => run))
    for (const task of this.#mirror.tasks.values())
      if (task.status === 'running' && !task.settle && task.currentRun && !held.has(task.currentRun))
        return `counts right: ${task.currentRun} runs and holds no place`
    return null
  }

  #overLimit(): string | null {
    const running = [...this.#mirror.tasks.values()].filter(
      (task) => task.status === 'running' && !this.#resumed.has(task.currentRun ?? ''),
    )
    if (running.length > globalLimit) return `limits hold: ${running.length} tasks run, ${globalLimit} may`
    for (const [module, some] of Map.groupBy(running, (task) => task.module))
      if (module === 'limited' && some.length > moduleLimit)
        return `limits hold: ${some.length} tasks of ${module} run, ${moduleLimit} may`
    for (const [key, some] of Map.groupBy(running, (task) => task.concurrencyKey))
      if (key !== null && some.length > Math.max(...some.map((task) => task.concurrencyLimit ?? 1)))
        return `limits hold: ${some.length} tasks of the key ${key} run`
    return null
  }
}

/** A round ends once, and what has ended stays as it is. */
function faultOfMove(before: TaskDoc, after: TaskDoc): string | null {
  if (after.attempt < before.attempt) return `attempts only grow: ${after._id}`
  if (before.status === after.status) {
    if (isTerminal(after.status) && JSON.stringify(before.result) !== JSON.stringify(after.result))
      return `one terminal state: the result of ${after._id} changed after its end`
    return null
  }
  if (!taskMoves[before.status].includes(after.status))
    return `legal moves only: ${after._id} went from ${before.status} to ${after.status}`
  if (isTerminal(before.status) && after.round !== before.round + 1)
    return `one terminal state: ${after._id} left ${before.status} without a new round`
  if (before.cancelRequestedAt && after.status !== 'cancelled' && !isTerminal(before.status))
    return `a cancel holds: ${after._id} became ${after.status} after it was asked to stop`
  if (before.status === 'running' && after.status === 'queued')
    return overBudget(after) ? `attempts hold: ${after._id} is tried once more, ${overBudget(after)}` : null
  return null
}

/** The most failures of a round, and the most losses. */
function overBudget({ failures, maxAttempts, losses }: TaskDoc): string | null {
  if (failures >= maxAttempts) return `after ${failures} failures of ${maxAttempts}`
  return losses > 3 ? `after ${losses} losses` : null
}
