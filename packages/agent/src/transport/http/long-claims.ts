import { randomUUID } from 'node:crypto'
import type { ClaimAnswer, Offer } from '@millrace/shared/for-agents'
import { backoffMs, sleep } from '@millrace/std/time'
import type { ClaimDeps } from '../transport.ts'

/** As long as the API lets a claim wait: an idle agent sends one request in that time. */
const waitSeconds = 15

/**
 * Asks for work for as long as there is room, one claim at a time, each of which waits at the API. When what is offered
 * changes, a waiting request is given up and its claim asked again, under the same id: a grant that was on its way
 * meanwhile is what the second request is answered, and never lost or doubled.
 */
export class LongClaims {
  readonly #deps: ClaimDeps
  readonly #closing = new AbortController()
  #living: Promise<void> | null = null
  /** Ends the wait that was begun for other offers than those of now. */
  #waiting = new AbortController()
  #askedFor = ''

  constructor(deps: ClaimDeps) {
    this.#deps = deps
  }

  begin(): void {
    this.#living ??= this.#live().catch((err: unknown) =>
      this.#deps.logger.error({ err }, 'claiming broke off'),
    )
  }

  /** What is offered may have changed. */
  capacityChanged(): void {
    if (kindsOf(this.#offers()) !== this.#askedFor) this.askAnew()
  }

  /** Gives up the request under way, and asks the same on another connection. */
  askAnew(): void {
    this.#waiting.abort()
  }

  /** Waits until the claim in flight was answered: what it brings is still handed over. */
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

  /** One claim until its definite answer, by however many requests. */
  async #claim(): Promise<void> {
    const { ask, isDefinite, logger, onGrant, signal } = this.#deps
    const claimId = randomUUID()
    for (let failures = 0; !signal.aborted; ) {
      const { offers, changed } = this.#look()
      try {
        const wait = isRoomy(offers) ? waitSeconds : 0
        const answer = await ask(claimId, offers, wait, AbortSignal.any([signal, changed]))
        this.#take(claimId, offers, answer, onGrant)
        // Answered at once, and again until there is room for it: nothing less urgent is given meanwhile.
        if (answer?.reserve) await sleep(reserveMs, AbortSignal.any([signal, changed]))
        return
      } catch (error) {
        if (signal.aborted) return
        if (changed.aborted && !isDefinite(error)) continue
        failures += 1
        if (failures === 1 || failures % 10 === 0)
          logger.warn({ err: error, failures }, 'a claim was not answered')
        // The first repetition is immediate: most often only a kept-open connection had died.
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

/** Between claims while something more urgent than all that fits waits for room. */
const reserveMs = 1000
/** Woken when capacity changes. */
const longestMs = 60_000

const isRoomy = (offers: readonly Offer[]): boolean => offers.some(({ max }) => max > 0)

/** What matters to the API: whether a module has room and a warm process, not how much. */
const kindsOf = (offers: readonly Offer[]): string =>
  JSON.stringify(
    offers.map(({ module, version, digest, max, warm }) => [module, version, digest, max > 0, warm > 0]),
  )
