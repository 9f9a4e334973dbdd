const halfLifeMs = 10 * 60_000
/** The overhead of a switch between processes: end, release of memory, wait for a turn. */
const changeSeconds = 1
/** The assumed load time of a model until it is measured. */
const usualLoadSeconds = 5

type Use = { rate: number; at: number; loadSeconds: number; runSeconds: number | null }
/** The weight of the newest run in the average. */
const weight = 0.3

/** How often each module is used, weighted towards the last minutes, and how long it loads. */
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

  /** Whether a current run usually ends sooner than another process loads. */
  isSoonDone(key: string): boolean {
    const { runSeconds, loadSeconds } = this.#use(key)
    return runSeconds !== null && runSeconds < loadSeconds
  }

  /** The expected cost of evicting a warm process of the module. */
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
