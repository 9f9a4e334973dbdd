import type { ReservationRequest } from './reservation.ts'

export type CapacityMonitorDeps = {
  fits(wish: ReservationRequest): boolean
  /** Asks the drivers how the GPUs stand now. */
  look(): Promise<void>
  onRoom(): void
  signal: AbortSignal
}

const everyMs = 1000
/** After one of our processes came or went, the monitor looks at the GPUs more often for a while. */
const traffic = { lastsMs: 10_000, everyMs: 500 }

/** Looks out for room: memory comes back late, and other programs give theirs back without a word. */
export class CapacityMonitor {
  readonly #deps: CapacityMonitorDeps
  /** Modules that had no room when they were last asked about. */
  readonly #cramped = new Map<string, ReservationRequest>()
  #trafficUntil = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | null = null

  constructor(deps: CapacityMonitorDeps) {
    this.#deps = deps
  }

  /** A module was asked about. */
  note(wish: ReservationRequest, hasRoom: boolean): void {
    if (hasRoom) this.#cramped.delete(wish.key)
    else this.#cramped.set(wish.key, wish)
    if (this.#cramped.size > 0) this.#lookLater()
  }

  /** Something of ours came to a GPU, or went from it: who waits for room there may soon have some. */
  stir(): void {
    this.#trafficUntil = performance.now() + traffic.lastsMs
  }

  #lookLater(): void {
    this.#timer ??= setTimeout(() => void this.#look(), this.#isStirred ? traffic.everyMs : everyMs).unref()
  }

  async #look(): Promise<void> {
    if (this.#isStirred && [...this.#cramped.values()].some(({ needs }) => needs.usesGpu))
      await this.#deps.look()
    this.#timer = null
    if (this.#deps.signal.aborted) return
    if ([...this.#cramped.values()].some(this.#deps.fits)) this.#deps.onRoom()
    else if (this.#cramped.size > 0) this.#lookLater()
  }

  get #isStirred(): boolean {
    return performance.now() < this.#trafficUntil
  }
}
