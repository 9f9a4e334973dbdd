import { Failure } from '../failure.ts'
import type { Principal } from './principal.ts'
import { type Flow, TokenBuckets } from './token-buckets.ts'

const MiB = 1024 * 1024

/** What is counted: each at a steady rate, and so many at once after a rest. */
type Counted = 'requests' | 'body bytes' | 'tickets' | 'idempotency keys' | 'registrations'
type Allowance = Partial<Record<Counted, Flow>> & { streams: number }

/** A page that one visitor has open, with some to spare. */
const ofGrant: Allowance = {
  requests: { perSecond: 50, most: 500 },
  'body bytes': { perSecond: 2 * MiB, most: 32 * MiB },
  tickets: { perSecond: 5, most: 300 },
  'idempotency keys': { perSecond: 5, most: 300 },
  streams: 30,
}

/** A server with many visitors. How many requests it may make, its `rateLimit` says. */
const ofKey: Allowance = {
  tickets: { perSecond: 200, most: 10_000 },
  registrations: { perSecond: 20, most: 2_000 },
  streams: 5_000,
}

/**
 * What each grant and each key may take of this process, in its memory: no request pays a read or a write for it. Of
 * several replicas each gives its share.
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
        if (seconds > 0) throw refusal(`This ${who} has used up its ${what} for now`, seconds)
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
      throw refusal(`This ${who} has ${open} streams and waiting requests open, which is the most`, 5)
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
  /** Throws `rate_limited` when there is no more. */
  take(what: Counted, amount?: number): void
  /** A place among the answers that last: call what it returns when that one is over. */
  openStream(): () => void
}

const refusal = (what: string, seconds: number): Failure =>
  new Failure('rate_limited', `${what}. Try again in ${seconds} s.`, { retryAfterSeconds: seconds })
