export type Patience = { signal?: AbortSignal }

/** A definite no: trying again would get the same. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly error: Error
  constructor(error: Error) {
    super(error.message)
    this.error = error
  }
}

/** About two minutes in all: a network that comes back by itself does so by then. */
const tries = 9
const firstPauseMs = 500
const longestPauseMs = 30_000

/** Does something until it succeeds, with growing pauses; gives up on a definite no, and after two minutes. */
export async function persistently<T>({ signal }: Patience, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      signal?.throwIfAborted()
      return await work()
    } catch (error) {
      if (error instanceof Refused) throw error.error
      if (signal?.aborted || attempt === tries) throw error
    }
    // Full jitter, so that many pages behind one broken network do not all come back at once.
    await pause(Math.random() * Math.min(longestPauseMs, firstPauseMs * 2 ** attempt), signal)
  }
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const stop = () => {
    clearTimeout(timer)
    reject(signal?.reason)
  }
  signal?.addEventListener('abort', stop, { once: true })
  return promise.finally(() => signal?.removeEventListener('abort', stop))
}
