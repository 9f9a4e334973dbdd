import type { Offer } from '@millrace/shared/for-agents'
import { sleep } from '@millrace/std/time'
import type { ClaimDeps } from '../transport.ts'
import { Claims, haveGrown } from './claims.ts'
import { TokenPulls } from './token-pulls.ts'
import type { TokenSource } from './token-source.ts'

/** How long tokens may be out of reach before work is asked for without them, and how often then. */
const pollMs = 10_000

/** Gets work: waits for tokens of the modules that have room, and claims. */
export class FindWork {
  readonly #offers: () => Offer[]
  readonly #claims: Claims
  readonly #pulls: TokenPulls
  readonly #stopping = new AbortController()
  readonly #polling: Promise<void>
  #queue: TokenSource | null = null
  /** What had room when it was last settled which tokens to wait for. */
  #waitedFor: Offer[] = []

  constructor(deps: ClaimDeps) {
    this.#offers = () => (this.#stopping.signal.aborted ? [] : deps.offers())
    this.#claims = new Claims({ ...deps, offers: this.#offers, onIdle: () => this.update() })
    this.#pulls = new TokenPulls({
      queue: () => this.#queue,
      pausedFor: (module) => this.#claims.pausedFor(module),
      onToken: (token) => this.#claims.offer(token),
      logger: deps.logger,
    })
    this.#polling = this.#poll()
  }

  /** Where tokens come from now; `null`: NATS is away. */
  connected(queue: TokenSource | null): void {
    this.#queue = queue
    this.update()
  }

  /** There may be work and room that no token announces. */
  capacityChanged(): void {
    this.#claims.capacityChanged()
  }

  /** A run ended. Where the tokens of all that has room are waited for anyway, they tell of whatever came since. */
  runEnded(): void {
    if (!this.#isTold()) this.capacityChanged()
  }

  #isTold(): boolean {
    const offers = this.#offers()
    return (
      this.#claims.hasTakenAll &&
      !this.#claims.isBusy &&
      this.#pulls.areSound &&
      !haveGrown(this.#waitedFor, offers) &&
      offers.every(({ module }) => this.#claims.pausedFor(module) === 0)
    )
  }

  /** What is offered changed. A full or paused agent waits for no tokens; other agents get them. */
  update(): void {
    const roomy = this.#offers().filter(({ max }) => max > 0)
    // While claims go on, whatever a run's end makes room for is claimed at once: no pull for that moment.
    if (roomy.length > 0 && this.#claims.isBusy) return
    this.#waitedFor = roomy
    this.#pulls.want(roomy.map(({ module }) => module))
  }

  /** Stops asking; waits for the claim in flight. */
  async close(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#claims.close(), this.#pulls.close(), this.#polling])
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stopping
    for (;;) {
      await sleep(pollMs, signal)
      if (signal.aborted) return
      if (!this.#pulls.areSound) this.capacityChanged()
    }
  }
}
