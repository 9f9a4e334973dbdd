import type { RateLimit } from '@millrace/shared'
import { Failure } from '../failure.ts'
import { TokenBuckets } from './token-buckets.ts'

/**
 * What a key's `rateLimit` says, in the memory of this process: no request pays a write for it. Of several replicas
 * each gives its share of the limit, so together they let through what the key may, as far as their load is even.
 */
export class RateLimits {
  readonly #buckets = new TokenBuckets()
  readonly #replicas: () => number

  constructor(replicas: () => number) {
    this.#replicas = replicas
  }

  /** Takes one request; throws `rate_limited` with the seconds until there is room for one. */
  take(key: string, limit: RateLimit, now: Date): void {
    const replicas = Math.max(1, this.#replicas())
    const perSecond = limit.requestsPerSecond / replicas
    const most = Math.max(1, (limit.burst ?? Math.max(1, limit.requestsPerSecond)) / replicas)
    const seconds = this.#buckets.take(key, { perSecond, most }, 1, now)
    if (seconds === 0) return
    throw new Failure(
      'rate_limited',
      `This key may make ${limit.requestsPerSecond} requests a second. Try again in ${seconds} s.`,
      { retryAfterSeconds: seconds },
    )
  }
}
