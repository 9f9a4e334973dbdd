import type { Priority } from '@millrace/shared'

/** As many callers as are kept apart; more than that are forgotten and begin anew where the queue stands. */
const callersKept = 10_000

/**
 * Fair shares between callers, as start-time fair queueing gives them (Goyal, Vin, Cheng 1996), every task counting
 * as one: a caller's tasks stand in places that ascend by one, and whoever has nothing waiting begins at the place that
 * is being served now. So one task of a new caller stands behind one of each other caller, not behind their ten thousand.
 *
 * This is memory of one process, and only a hint: what it forgets costs fairness for a moment, nothing else.
 */
export class Shares {
  readonly #last = new Map<string, number>()
  readonly #served = new Map<Priority, number>()

  /** The place of the next task of a caller. */
  next(caller: string, priority: Priority): number {
    const key = `${priority} ${caller}`
    const place = Math.max((this.#last.get(key) ?? 0) + 1, this.#served.get(priority) ?? 0)
    this.#last.delete(key)
    this.#last.set(key, place)
    if (this.#last.size > callersKept) this.#forgetOldest()
    return place
  }

  /** The place at which the queue of this priority stands. It never goes back. */
  served(priority: Priority, place: number): void {
    if (place > (this.#served.get(priority) ?? 0)) this.#served.set(priority, place)
  }

  #forgetOldest(): void {
    const [oldest] = this.#last.keys()
    if (oldest !== undefined) this.#last.delete(oldest)
  }
}
