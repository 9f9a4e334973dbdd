import type { Bus } from '../bus/bus.ts'

export type WaitLimits = { limits: { longestWaitSeconds: number } }

const lookAgainMs = 15_000

/**
 * Polls until it has an answer or the time is up: at every event on one of the subjects, and every 15 s because an event
 * may be lost. Subscribes before the first poll, so that it misses no event.
 */
export async function longPoll<T>(
  bus: Bus,
  options: {
    subjects: readonly string[]
    seconds: number
    signal: AbortSignal
    matters?: (heard: string) => boolean
  },
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  if (options.seconds <= 0) return look()
  const deadline = Date.now() + options.seconds * 1000
  let heard = Promise.withResolvers<void>()
  const stopListening = bus.listen(options.subjects, (payload) => {
    if (options.matters?.(payload) ?? true) heard.resolve()
  })
  try {
    for (;;) {
      const found = await look()
      const left = deadline - Date.now()
      if (found !== undefined || left <= 0 || options.signal.aborted) return found
      await heardOrTimeout(heard.promise, Math.min(left, lookAgainMs), options.signal)
      // The caller disconnected: another poll may take work that would then be lost.
      if (options.signal.aborted) return undefined
      heard = Promise.withResolvers<void>()
    }
  } finally {
    stopListening()
  }
}

async function heardOrTimeout(event: Promise<void>, ms: number, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>()
  const timer = setTimeout(over.resolve, ms)
  const end = () => over.resolve()
  signal.addEventListener('abort', end, { once: true })
  try {
    await Promise.race([event, over.promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}
