import { setTimeout as delay } from 'node:timers/promises'

export type Life = { ended: Promise<void>; stop(hurry?: AbortSignal): Promise<void> }
export type Kept<T extends Life> = { current(): T; stop(hurry?: AbortSignal): Promise<void> }

const calmAfterMs = 60_000

/** How long to wait before the next start, by the number of short lives in a row. */
const backoffMs = (shortLives: number): number => Math.min(30_000, 250 * 2 ** Math.max(0, shortLives - 1))

/** Restarts `first` whenever it ends unexpectedly, with exponential backoff while it does not stay up. */
export function keepRunning<T extends Life>(
  name: string,
  first: T,
  startAgain: () => Promise<T>,
  report: (line: string) => void,
): Kept<T> {
  const stopping = new AbortController()
  let current = first
  const loop = watch()

  return {
    current: () => current,
    stop: async (hurry) => {
      stopping.abort()
      await current.stop(hurry)
      await loop
    },
  }

  async function watch(): Promise<void> {
    for (let shortLives = 0; ; ) {
      const began = Date.now()
      await current.ended
      if (stopping.signal.aborted) return
      shortLives = Date.now() - began > calmAfterMs ? 1 : shortLives + 1
      report(`${name} ended unexpectedly; restarting`)
      for (let started = false; !started; ) {
        if (!(await pause(backoffMs(shortLives)))) return
        try {
          current = await startAgain()
          started = true
        } catch (error) {
          shortLives += 1
          report(`restarting ${name} failed: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
      // `stop` was called during the restart and did not stop this process.
      if (stopping.signal.aborted) return current.stop()
      report(`${name} runs again`)
    }
  }

  async function pause(ms: number): Promise<boolean> {
    try {
      await delay(ms, undefined, { signal: stopping.signal })
      return true
    } catch (error) {
      if (stopping.signal.aborted) return false
      throw error
    }
  }
}
