import type { Offer } from '@millrace/shared/for-agents'
import { sleep } from '@millrace/std/time'
import type { ClaimDeps } from '../transport.ts'
import { Claims, haveGrown } from './claims.ts'
import { TokenPulls } from './token-pulls.ts'
import type { TokenSource } from './token-source.ts'

/** The interval of claims without tokens while NATS is unreachable. */
const pollMs = 10_000

/** Finds work: waits for tokens of the modules that have room, and claims. */
export class FindWork {
  readonly #offers: () => Offer[]
  readonly #claims: Claims
  readonly #pulls: TokenPulls
  readonly #stopping = new AbortController()
  readonly #polling: Promise<void>
  #queue: TokenSource | null = null
  /** The offers with room when the agent last chose the tokens to wait for. */
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

  /** Sets the source of tokens; `null`: NATS is unreachable. */
  connected(queue: TokenSource | null): void {
    this.#queue = queue
    this.update()
  }

  /** The agent may have room, and the API work, that no token announces. */
  capacityChanged(): void {
    this.#claims.capacityChanged()
  }

  /** A run ended. Claims, unless the agent waits for tokens of all modules with room: those announce all new work. */
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

  /** The offers changed. A full or paused agent waits for no tokens, so that other agents get them. */
  update(): void {
    const roomy = this.#offers().filter(({ max }) => max > 0)
    // During a round, claims use freed room immediately; a pull for that moment would be wasted.
    if (roomy.length > 0 && this.#claims.isBusy) return
    this.#waitedFor = roomy
    this.#pulls.want(roomy.map(({ module }) => module))
  }

  /** Stops claiming; waits for the claim in flight. */
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
