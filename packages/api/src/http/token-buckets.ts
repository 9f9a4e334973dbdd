/** The most buckets in memory; a forgotten one begins full again. */
const bucketsKept = 10_000

/** A bucket gains `perSecond` tokens, up to `most`. */
export type Flow = { perSecond: number; most: number }

/** Token buckets by name, in the memory of this process. */
export class TokenBuckets {
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  /** Takes `amount` tokens and returns 0, or takes none and returns the seconds until it has enough. */
  take(key: string, { perSecond, most }: Flow, amount: number, now: Date): number {
    const at = now.getTime()
    const bucket = this.#buckets.get(key) ?? { tokens: most, at }
    const tokens = Math.min(most, bucket.tokens + (Math.max(0, at - bucket.at) / 1000) * perSecond)
    const isEnough = tokens >= amount
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: isEnough ? tokens - amount : tokens, at })
    if (this.#buckets.size > bucketsKept) this.#forgetOldest()
    return isEnough ? 0 : Math.max(1, Math.ceil((amount - tokens) / perSecond))
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys()
    if (oldest !== undefined) this.#buckets.delete(oldest)
  }
}
