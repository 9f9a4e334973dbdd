import { randomUUID } from 'node:crypto'
import type { ClaimAnswer, Grant, Offer } from '@millrace/shared/for-agents'
import { backoffMs, sleep } from '@millrace/std/time'
import type { ClaimDeps } from '../transport.ts'
import type { Token } from './token-source.ts'
import { freshTally, isVoid, onGrant, onNothing, onToken, type Tally } from './token-tally.ts'

export type ClaimsDeps = ClaimDeps & {
  /** A round has ended: a claim was empty, or the agent has no more room. */
  onIdle(): void
  now?(): number
}

/** Sends one claim at a time, while the agent has room and the answers are assignments. */
export class Claims {
  readonly #deps: ClaimsDeps
  readonly #now: () => number
  readonly #tallies = new Map<string, Tally>()
  readonly #tokens: Token[] = []
  #again = false
  #hasTakenAll = false
  #round: Promise<void> | null = null

  constructor(deps: ClaimsDeps) {
    this.#deps = deps
    this.#now = deps.now ?? Date.now
  }

  get isBusy(): boolean {
    return this.#round !== null
  }

  /** The last answer was an assignment and said that nothing else fits; later work has a token. */
  get hasTakenAll(): boolean {
    return this.#hasTakenAll
  }

  /** Milliseconds for which the agent must not wait for tokens of a module. */
  pausedFor(module: string): number {
    return Math.max(0, this.#tally(module).pausedUntil - this.#now())
  }

  /** Claims for a token, unless an earlier claim made it void. Resolves when the round has ended. */
  offer(token: Token): Promise<void> {
    const tally = onToken(this.#tally(token.module), token)
    this.#tallies.set(token.module, tally)
    if (isVoid(tally, token)) {
      token.ack()
      return Promise.resolve()
    }
    this.#tokens.push(token)
    return this.#start()
  }

  /** Claims after a change without a token: more room, or a module that became available. */
  capacityChanged(): void {
    this.#again = true
    void this.#start()
  }

  /** Waits for the claim in flight. */
  async close(): Promise<void> {
    await this.#round
  }

  #start(): Promise<void> {
    this.#round ??= this.#work()
      .catch((err: unknown) => this.#deps.logger.error({ err }, 'claiming failed'))
      .finally(() => {
        this.#round = null
        // Tokens and changes during the end of the round belong to the next one.
        if (this.#again || this.#tokens.length > 0) void this.#start()
        else this.#deps.onIdle()
      })
    return this.#round
  }

  async #work(): Promise<void> {
    while ((this.#again || this.#tokens.length > 0) && !this.#deps.signal.aborted) {
      const offers = this.#deps.offers()
      if (!offers.some(({ max }) => max > 0)) break
      this.#again = false
      await this.#claim(this.#takeToken(), offers)
    }
    for (const token of this.#tokens.splice(0)) token.nak()
    this.#again = false
  }

  /** The next valid token; acknowledges those that became void while they waited here. */
  #takeToken(): Token | null {
    for (let token = this.#tokens.shift(); token; token = this.#tokens.shift()) {
      if (!isVoid(this.#tally(token.module), token)) return token
      token.ack()
    }
    return null
  }

  async #claim(token: Token | null, offers: Offer[]): Promise<void> {
    const seen = new Map([...this.#tallies].map(([module, tally]) => [module, tally.seen]))
    const claimId = randomUUID()
    const answer = await this.#ask(claimId, offers)
    this.#hasTakenAll = answer?.more === false
    if (answer === undefined) return token?.nak()
    token?.ack()
    if (answer?.grant) {
      const { module } = answer.grant
      this.#tallies.set(module.name, onGrant(this.#tally(module.name)))
      this.#deps.onGrant({ grant: answer.grant, again: () => this.#freshen(claimId, offers) })
      // Nothing else fits: another claim is needed only if a module gained room since the offers of this one.
      this.#again = answer.more !== false || (this.#again && haveGrown(offers, this.#deps.offers()))
      return
    }
    if (answer?.reserve) this.#deps.onReserve(answer.reserve)
    for (const [module, tally] of this.#tallies)
      this.#tallies.set(
        module,
        onNothing(tally, seen.get(module) ?? null, token?.module === module, this.#now()),
      )
  }

  /** Repeats the same claim until a definite answer, so that a lost answer loses no assignment. */
  async #ask(claimId: string, offers: Offer[]): Promise<ClaimAnswer | null | undefined> {
    const { ask, isDefinite, logger, signal } = this.#deps
    for (let tries = 1; !signal.aborted; tries++) {
      try {
        return await ask(claimId, offers, 0, signal)
      } catch (error) {
        if (signal.aborted) return undefined
        if (tries === 1 || tries % 10 === 0) logger.warn({ err: error, tries }, 'a claim was not answered')
        // The first retry is immediate: most often only a keep-alive connection was dead.
        if (tries > 1 || isDefinite(error)) await sleep(backoffMs(tries, { most: 2000 }), signal)
        if (isDefinite(error)) return undefined
      }
    }
    return undefined
  }

  async #freshen(claimId: string, offers: Offer[]): Promise<Grant | null> {
    return (await this.#deps.ask(claimId, offers, 0, this.#deps.signal))?.grant ?? null
  }

  #tally(module: string): Tally {
    return this.#tallies.get(module) ?? freshTally
  }
}

/** Whether a module has room now that had none before. */
export function haveGrown(before: readonly Offer[], now: readonly Offer[]): boolean {
  const roomy = new Set(before.filter(({ max }) => max > 0).map(kindOf))
  return now.some((offer) => offer.max > 0 && !roomy.has(kindOf(offer)))
}

const kindOf = ({ module, version, digest }: Offer): string => `${module} ${version} ${digest}`
