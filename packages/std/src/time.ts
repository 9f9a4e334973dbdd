/** Milliseconds before attempt number `attempts` + 1 (`attempts` from 1), doubled each time, with full jitter above half. */
export function backoffMs(
  attempts: number,
  {
    first = 250,
    most = 15_000,
    random = Math.random,
  }: { first?: number; most?: number; random?: () => number } = {},
): number {
  const whole = Math.min(most, first * 2 ** Math.min(attempts - 1, 30))
  return Math.round(whole / 2 + (whole / 2) * random())
}

/** Waits for `ms` milliseconds; returns at once, without an error, when the signal is or gets aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** Waits for work, but at most `ms` milliseconds; whether it finished in time. Work that fails throws. */
export async function finishesWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const enough = new AbortController()
  try {
    return await Promise.race([work.then(() => true), sleep(ms, enough.signal).then(() => false)])
  } finally {
    enough.abort()
  }
}
