import type { RateLimit } from '@millrace/shared'
import { Failure } from '../failure.ts'

/** As many keys as are counted; more than that are forgotten, with a full bucket. */
const keysKept = 10_000

type Bucket = { tokens: number; at: number }

/**
 * A token bucket for each key, in the memory of this process: no request pays a write for it. Of several replicas
 * each gives its share of the limit, so together they let through what the key may, as far as their load is even.
 */
export class RateLimits {
  readonly #buckets = new Map<string, Bucket>()
  readonly #replicas: () => number

  constructor(replicas: () => number) {
    this.#replicas = replicas
  }

  /** Takes one request; throws `rate_limited` with the seconds until there is room for one. */
  take(key: string, limit: RateLimit, now: Date): void {
    const replicas = Math.max(1, this.#replicas())
    const perMs = limit.requestsPerSecond / replicas / 1000
    const most = Math.max(1, (limit.burst ?? Math.max(1, limit.requestsPerSecond)) / replicas)
    const bucket = this.#buckets.get(key) ?? { tokens: most, at: now.getTime() }
    const tokens = Math.min(most, bucket.tokens + Math.max(0, now.getTime() - bucket.at) * perMs)
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now.getTime() })
    if (this.#buckets.size > keysKept) this.#forgetOldest()
    if (tokens >= 1) return
    const seconds = Math.max(1, Math.ceil((1 - tokens) / perMs / 1000))
    throw new Failure(
      'rate_limited',
      `This key may make ${limit.requestsPerSecond} requests a second. Try again in ${seconds} s.`,
      { retryAfterSeconds: seconds },
    )
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys()
    if (oldest !== undefined) this.#buckets.delete(oldest)
  }
}
