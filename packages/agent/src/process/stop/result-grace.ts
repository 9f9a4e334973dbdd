/**
 * Detects a program that has given its result and does not end, because a thread, a child or an exit handler blocks it.
 * The grace counts while the program is quiet: if it still prints or writes files, it may still be working.
 */
export class ResultGrace {
  readonly #graceMs: number
  readonly #isDone: () => Promise<boolean>
  #heardAt = performance.now()
  #timer: NodeJS.Timeout | undefined

  constructor(graceMs: number, isDone: () => Promise<boolean>, onOver: () => void) {
    this.#graceMs = graceMs
    this.#isDone = isDone
    if (graceMs > 0) this.#lookIn(graceMs, onOver)
  }

  /** The program printed something. */
  heard(): void {
    this.#heardAt = performance.now()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #lookIn(ms: number, onOver: () => void): void {
    const timer = setTimeout(async () => {
      const left = this.#graceMs - (performance.now() - this.#heardAt)
      if (left > 1) return this.#lookIn(left, onOver)
      const isOver = await this.#isDone()
      if (this.#timer !== timer) return
      if (isOver) onOver()
      else this.#lookIn(Math.min(everyMs, this.#graceMs), onOver)
    }, ms)
    this.#timer = timer
    timer.unref()
  }
}

/** How often to check a quiet program. */
const everyMs = 1000
