import { setImmediate } from 'node:timers/promises'

/** Long enough to get something done, short enough that nobody notices. */
const turnMs = 10

/** For long computations: await it between steps, and other requests get their turn every 10 ms. */
export function turns(): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    if (performance.now() - since < turnMs) return undefined
    return setImmediate().then(() => {
      since = performance.now()
    })
  }
}
