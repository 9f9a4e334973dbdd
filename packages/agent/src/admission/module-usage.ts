const halfLifeMs = 10 * 60_000
/** The extra time of changing processes: one ends, its memory is released, the other waits for its turn. */
const changeSeconds = 1
/** Until it is measured, a model is taken to need this long. */
const usualLoadSeconds = 5

type Use = { rate: number; at: number; loadSeconds: number; runSeconds: number | null }
/** How much the newest run counts in what is usual. */
const weight = 0.3

/** How often each module is used, the last minutes counting most, and how long it takes to load. */
export class ModuleUsage {
  readonly #uses = new Map<string, Use>()
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  used(key: string): void {
    const use = this.#use(key)
    this.#uses.set(key, { ...use, rate: this.#rateOf(use) + 1, at: this.#now() })
  }

  loaded(key: string, seconds: number): void {
    this.#uses.set(key, { ...this.#use(key), loadSeconds: seconds })
  }

  ran(key: string, seconds: number): void {
    const use = this.#use(key)
    const usual = use.runSeconds ?? seconds
    this.#uses.set(key, { ...use, runSeconds: usual + (seconds - usual) * weight })
  }

  /** Whether who is at work is usually done sooner than another process is loaded. */
  isSoonDone(key: string): boolean {
    const { runSeconds, loadSeconds } = this.#use(key)
    return runSeconds !== null && runSeconds < loadSeconds
  }

  /** What it is expected to cost when a warm process of it goes. */
  costOf(key: string): number {
    const use = this.#use(key)
    return (changeSeconds + use.loadSeconds) * this.#rateOf(use)
  }

  #use(key: string): Use {
    return (
      this.#uses.get(key) ?? { rate: 0, at: this.#now(), loadSeconds: usualLoadSeconds, runSeconds: null }
    )
  }

  #rateOf({ rate, at }: Use): number {
    return rate * 0.5 ** ((this.#now() - at) / halfLifeMs)
  }
}
