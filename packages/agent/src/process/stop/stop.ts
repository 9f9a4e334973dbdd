/** Why the agent ends a process. */
export type StopReason = 'cancelled' | 'timed_out' | 'over_limit' | 'shutdown' | 'superseded'

type Hear = (reason: StopReason) => void

/**
 * A request to stop a run, passed to every part that works for it. The first reason stands; listeners also get later ones,
 * because a shutdown shortens a stop under way.
 */
export class Stop {
  readonly #controller = new AbortController()
  readonly #listeners = new Set<Hear>()
  #reason: StopReason | null = null
  #last: StopReason | null = null

  request(reason: StopReason): void {
    this.#reason ??= reason
    this.#last = reason
    for (const hear of this.#listeners) hear(reason)
    this.#controller.abort(this.#reason)
  }

  get reason(): StopReason | null {
    return this.#reason
  }

  /** Aborted with the first reason. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Gets each request, and immediately any earlier one. Call the returned function when nothing is left to stop. */
  subscribe(hear: Hear): () => void {
    this.#listeners.add(hear)
    if (this.#reason) hear(this.#reason)
    if (this.#last && this.#last !== this.#reason) hear(this.#last)
    return () => this.#listeners.delete(hear)
  }
}
