/** As many as are kept; more than that are forgotten, and begin full. */
const bucketsKept = 10_000

/** `perSecond` flow in, up to `most`. */
export type Flow = { perSecond: number; most: number }

/** Token buckets by name, in the memory of this process. */
export class TokenBuckets {
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  /** Takes so many; 0, or the seconds until there are enough of them, and nothing was taken. */
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
