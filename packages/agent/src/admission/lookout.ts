import type { Wish } from './ledger.ts'

const everyMs = 1000

/** Looks out for room: other programs give memory back without a word, and nobody else would tell. */
export class Lookout {
  readonly #fits: (wish: Wish) => boolean
  readonly #onRoom: () => void
  readonly #signal: AbortSignal
  /** Modules that had no room when they were last asked about. */
  readonly #cramped = new Map<string, Wish>()
  #timer: NodeJS.Timeout | null = null

  constructor(fits: (wish: Wish) => boolean, onRoom: () => void, signal: AbortSignal) {
    this.#fits = fits
    this.#onRoom = onRoom
    this.#signal = signal
  }

  /** A module was asked about. */
  note(wish: Wish, hasRoom: boolean): void {
    if (hasRoom) this.#cramped.delete(wish.key)
    else this.#cramped.set(wish.key, wish)
    if (this.#cramped.size > 0) this.#lookLater()
  }

  #lookLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      if (this.#signal.aborted) return
      if ([...this.#cramped.values()].some(this.#fits)) this.#onRoom()
      else if (this.#cramped.size > 0) this.#lookLater()
    }, everyMs).unref()
  }
}
