const halfLifeMs = 10 * 60_000
/** Until it is measured, a model is taken to need this long. */
const usualLoadSeconds = 5

type Use = { rate: number; at: number; loadSeconds: number }

/** How often each module is used, the last minutes counting most, and how long it takes to load. */
export class UseOfModules {
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

  /** What it is expected to cost when a warm process of it goes. */
  costOf(key: string): number {
    const use = this.#use(key)
    return use.loadSeconds * this.#rateOf(use)
  }

  #use(key: string): Use {
    return this.#uses.get(key) ?? { rate: 0, at: this.#now(), loadSeconds: usualLoadSeconds }
  }

  #rateOf({ rate, at }: Use): number {
    return rate * 0.5 ** ((this.#now() - at) / halfLifeMs)
  }
}
