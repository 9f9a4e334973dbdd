import type { Backoff } from '@millrace/shared'

/**
 * How long to wait before the next attempt, in seconds: exponential with full jitter.
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function delaySeconds(backoff: Backoff, failures: number, random: number): number {
  const ceiling = Math.min(
    backoff.maxSeconds,
    backoff.initialSeconds * backoff.factor ** Math.max(0, failures - 1),
  )
  return ceiling * random
}
