import { setImmediate } from 'node:timers/promises'

/** Long enough to make progress, short enough that other requests do not notice. */
const turnMs = 10

/** For long computations: await it between steps, and other requests run every 10 ms. */
export function turns(): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    if (performance.now() - since < turnMs) return undefined
    return setImmediate().then(() => {
      since = performance.now()
    })
  }
}
