import type { Priority } from '@millrace/shared'

/** Positions are kept for this number of callers; a forgotten caller continues at the queue's position. */
const callersKept = 10_000

/**
 * Fair shares between callers by start-time fair queueing (Goyal, Vin, Cheng 1996), where every task counts as one. The
 * tasks of a caller get ascending positions; a caller without waiting tasks starts at the position that is being served.
 * So one task of a new caller comes after one task of each other caller, not after ten thousand.
 *
 * This is memory of one process, and only a hint: losing it costs some fairness for a moment.
 */
export class Shares {
  readonly #last = new Map<string, number>()
  readonly #served = new Map<Priority, number>()

  /** The fair-queue position of a caller's next task. */
  next(caller: string, priority: Priority): number {
    const key = `${priority} ${caller}`
    const place = Math.max((this.#last.get(key) ?? 0) + 1, this.#served.get(priority) ?? 0)
    this.#last.delete(key)
    this.#last.set(key, place)
    if (this.#last.size > callersKept) this.#forgetOldest()
    return place
  }

  /** Moves the queue of this priority on to a position. It never goes back. */
  served(priority: Priority, place: number): void {
    if (place > (this.#served.get(priority) ?? 0)) this.#served.set(priority, place)
  }

  #forgetOldest(): void {
    const [oldest] = this.#last.keys()
    if (oldest !== undefined) this.#last.delete(oldest)
  }
}
