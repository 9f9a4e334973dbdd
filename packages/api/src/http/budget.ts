import { Failure } from '../failure.ts'
import type { Principal } from './principal.ts'
import { type Flow, TokenBuckets } from './token-buckets.ts'

const MiB = 1024 * 1024

/** What a budget limits: each has a steady rate, and a burst. */
type Counted = 'requests' | 'body bytes' | 'tickets' | 'idempotency keys' | 'registrations'
type Allowance = Partial<Record<Counted, Flow>> & { streams: number }

/** Enough for the page of one visitor, with a reserve. */
const ofGrant: Allowance = {
  requests: { perSecond: 50, most: 500 },
  'body bytes': { perSecond: 2 * MiB, most: 32 * MiB },
  tickets: { perSecond: 5, most: 300 },
  'idempotency keys': { perSecond: 5, most: 300 },
  streams: 30,
}

/** Enough for a server with many visitors; the key's `rateLimit` limits its requests. */
const ofKey: Allowance = {
  tickets: { perSecond: 200, most: 10_000 },
  registrations: { perSecond: 20, most: 2_000 },
  streams: 5_000,
}

/**
 * The budget of each grant and key, in the memory of this process: no request costs a read or a write. Each of several
 * replicas grants its share.
 */
export class Budgets {
  readonly #buckets = new TokenBuckets()
  readonly #streams = new Map<string, number>()
  readonly #replicas: () => number

  constructor(replicas: () => number) {
    this.#replicas = replicas
  }

  of(principal: Principal, now: () => Date): Budget {
    const { grant } = principal
    const holder = grant?._id ?? principal.id
    const allowance = grant ? ofGrant : ofKey
    const who = grant ? 'token' : 'key'
    return {
      take: (what, amount = 1) => {
        const flow = allowance[what]
        if (!flow || amount === 0) return
        const share = this.#share(flow, amount)
        const seconds = this.#buckets.take(`${holder} ${what}`, share, amount, now())
        if (seconds > 0) throw refusal(`This ${who} has used up its budget of ${what}`, seconds)
      },
      openStream: () => this.#open(holder, Math.ceil(allowance.streams / this.#count()), who),
    }
  }

  #share({ perSecond, most }: Flow, amount: number): Flow {
    const replicas = this.#count()
    return { perSecond: perSecond / replicas, most: Math.max(amount, most / replicas) }
  }

  #count(): number {
    return Math.max(1, this.#replicas())
  }

  #open(holder: string, most: number, who: string): () => void {
    const open = this.#streams.get(holder) ?? 0
    if (open >= most)
      throw refusal(`This ${who} has ${open} open streams and waiting requests, which is the limit`, 5)
    this.#streams.set(holder, open + 1)
    let isOpen = true
    return () => {
      if (!isOpen) return
      isOpen = false
      const left = (this.#streams.get(holder) ?? 1) - 1
      if (left > 0) this.#streams.set(holder, left)
      else this.#streams.delete(holder)
    }
  }
}

export type Budget = {
  /** Throws `rate_limited` when the budget is used up. */
  take(what: Counted, amount?: number): void
  /** Counts an open stream or waiting request; call the returned function when it ends. */
  openStream(): () => void
}

const refusal = (what: string, seconds: number): Failure =>
  new Failure('rate_limited', `${what}. Try again in ${seconds} s.`, { retryAfterSeconds: seconds })
