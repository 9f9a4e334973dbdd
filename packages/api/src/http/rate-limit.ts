import type { RateLimit } from '@millrace/shared'
import { Failure } from '../failure.ts'
import { TokenBuckets } from './token-buckets.ts'

/**
 * Enforces each key's `rateLimit` in the memory of this process: no request costs a write. Each of several replicas
 * grants its share, so that together they enforce the limit as far as their load is even.
 */
export class RateLimits {
  readonly #buckets = new TokenBuckets()
  readonly #replicas: () => number

  constructor(replicas: () => number) {
    this.#replicas = replicas
  }

  /** Counts one request; throws `rate_limited` with the seconds until the next one is allowed. */
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
