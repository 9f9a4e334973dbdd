import { setTimeout as delay } from 'node:timers/promises'
import type { Started } from '../processes/spawn-logged.ts'

export type Readiness = {
  /** Throws while the server does not answer. */
  probe(host: string, port: number, signal: AbortSignal): Promise<void>
  /** The log line of a listening server: if another program took the port, that program answers the probe. */
  readyLine?: RegExp
}

const withinMs = 60_000

/** Waits until the server answers; `undefined` when it does, `ended` when its process did. */
export async function whyNotReady(
  { probe, readyLine }: Readiness,
  { ended, said }: Started,
  host: string,
  port: number,
): Promise<string | undefined> {
  let dead = false
  const death = ended.then(() => {
    dead = true
  })
  let last = 'no sign that it listens'
  for (const deadline = Date.now() + withinMs; Date.now() < deadline && !dead; ) {
    try {
      await probe(host, port, AbortSignal.timeout(2000))
      if (!dead && (!readyLine || readyLine.test(await said()))) return undefined
    } catch (error) {
      last = error instanceof Error ? error.message : String(error)
    }
    await Promise.race([death, delay(25)])
  }
  return dead ? 'ended' : `no answer within ${withinMs / 1000} s (${last})`
}
