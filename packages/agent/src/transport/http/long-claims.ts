import { randomUUID } from 'node:crypto'
import type { ClaimAnswer, Offer } from '@millrace/shared/for-agents'
import { backoffMs, sleep } from '@millrace/std/time'
import type { ClaimDeps } from '../transport.ts'

/** The longest wait that the API allows: an idle agent sends one request in that time. */
const waitSeconds = 15

/**
 * Sends one long-poll claim at a time while the agent has room. When its offers change, it aborts the waiting request and
 * repeats the claim under the same id: an assignment in flight is then the answer to the second request, and is neither
 * lost nor duplicated.
 */
export class LongClaims {
  readonly #deps: ClaimDeps
  readonly #closing = new AbortController()
  #living: Promise<void> | null = null
  /** Aborted when the waiting request has outdated offers. */
  #waiting = new AbortController()
  #askedFor = ''

  constructor(deps: ClaimDeps) {
    this.#deps = deps
  }

  begin(): void {
    this.#living ??= this.#live().catch((err: unknown) => this.#deps.logger.error({ err }, 'claiming failed'))
  }

  /** The offers may have changed. */
  capacityChanged(): void {
    if (kindsOf(this.#offers()) !== this.#askedFor) this.askAnew()
  }

  /** Aborts the current request and repeats it on another connection. */
  askAnew(): void {
    this.#waiting.abort()
  }

  /** Waits for the answer to the claim in flight; its assignment is still accepted. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.askAnew()
    await this.#living
  }

  #offers(): Offer[] {
    return this.#closing.signal.aborted ? [] : this.#deps.offers()
  }

  async #live(): Promise<void> {
    const { signal } = this.#deps
    while (!signal.aborted && !this.#closing.signal.aborted) {
      const { offers, changed } = this.#look()
      if (isRoomy(offers)) await this.#claim()
      else await sleep(longestMs, AbortSignal.any([signal, changed]))
    }
  }

  /** One claim until its definite answer, with any number of requests. */
  async #claim(): Promise<void> {
    const { ask, isDefinite, logger, onGrant, signal } = this.#deps
    const claimId = randomUUID()
    for (let failures = 0; !signal.aborted; ) {
      const { offers, changed } = this.#look()
      try {
        const wait = isRoomy(offers) ? waitSeconds : 0
        const answer = await ask(claimId, offers, wait, AbortSignal.any([signal, changed]))
        this.#take(claimId, offers, answer, onGrant)
        // The API answers a claim immediately while a more urgent task waits for room, and assigns nothing less urgent.
        if (answer?.reserve) await sleep(reserveMs, AbortSignal.any([signal, changed]))
        return
      } catch (error) {
        if (signal.aborted) return
        if (changed.aborted && !isDefinite(error)) continue
        failures += 1
        if (failures === 1 || failures % 10 === 0)
          logger.warn({ err: error, failures }, 'a claim was not answered')
        // The first retry is immediate: most often only a keep-alive connection was dead.
        if (failures > 1 || isDefinite(error)) await sleep(backoffMs(failures, { most: 2000 }), signal)
        if (isDefinite(error)) return
      }
    }
  }

  #take(claimId: string, offers: Offer[], answer: ClaimAnswer | null, onGrant: ClaimDeps['onGrant']): void {
    if (answer?.reserve) this.#deps.onReserve(answer.reserve)
    if (!answer?.grant) return
    const { ask, signal } = this.#deps
    const again = async () => (await ask(claimId, offers, 0, signal))?.grant ?? null
    onGrant({ grant: answer.grant, again })
  }

  /** The current offers, and a signal for when they change. */
  #look(): { offers: Offer[]; changed: AbortSignal } {
    if (this.#waiting.signal.aborted) this.#waiting = new AbortController()
    const offers = this.#offers()
    this.#askedFor = kindsOf(offers)
    return { offers, changed: this.#waiting.signal }
  }
}

/** The pause between claims while a more urgent task waits for room. */
const reserveMs = 1000
/** The longest sleep without room; a change of capacity ends it. */
const longestMs = 60_000

const isRoomy = (offers: readonly Offer[]): boolean => offers.some(({ max }) => max > 0)

/** What the API uses: whether a module has room and a warm process, not how much or how many. */
const kindsOf = (offers: readonly Offer[]): string =>
  JSON.stringify(
    offers.map(({ module, version, digest, max, warm }) => [module, version, digest, max > 0, warm > 0]),
  )
