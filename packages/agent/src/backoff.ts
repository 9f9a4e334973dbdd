/** Milliseconds before try number `tries` + 1 (`tries` from 1), doubled each time, with full jitter above half. */
export function backoffMs(
  tries: number,
  {
    first = 250,
    most = 15_000,
    random = Math.random,
  }: { first?: number; most?: number; random?: () => number } = {},
): number {
  const whole = Math.min(most, first * 2 ** Math.min(tries - 1, 30))
  return Math.round(whole / 2 + (whole / 2) * random())
}

/** Waits; returns at once, without an error, when the signal is or gets aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
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

/** Waits for something, but not for ever; whether it was over in time. */
export async function within(ms: number, step: Promise<unknown>): Promise<boolean> {
  const enough = new AbortController()
  const isOver = await Promise.race([step.then(() => true), pause(ms, enough.signal).then(() => false)])
  enough.abort()
  return isOver
}
