import type { ReservationRequest } from './reservation.ts'

export type CapacityMonitorDeps = {
  fits(wish: ReservationRequest): boolean
  /** Reads the GPUs now. */
  look(): Promise<void>
  onRoom(): void
  signal: AbortSignal
}

const everyMs = 1000
/** After a process of this agent began or ended, the monitor reads the GPUs more often for a while. */
const traffic = { lastsMs: 10_000, everyMs: 500 }

/** Polls for room: ended processes free memory late, and other programs free theirs without notice. */
export class CapacityMonitor {
  readonly #deps: CapacityMonitorDeps
  /** Modules that had no room at the last check. */
  readonly #cramped = new Map<string, ReservationRequest>()
  #trafficUntil = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | null = null

  constructor(deps: CapacityMonitorDeps) {
    this.#deps = deps
  }

  /** Records the result of a check. */
  note(wish: ReservationRequest, hasRoom: boolean): void {
    if (hasRoom) this.#cramped.delete(wish.key)
    else this.#cramped.set(wish.key, wish)
    if (this.#cramped.size > 0) this.#lookLater()
  }

  /** A process of this agent began or ended on a GPU: waiting modules may soon have room. */
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
