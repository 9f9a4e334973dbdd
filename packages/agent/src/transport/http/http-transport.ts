import { finishesWithin } from '@millrace/std/time'
import type { Transport, TransportDeps } from '../transport.ts'
import { LongClaims } from './long-claims.ts'

/** How long a run that has ended waits for its last lines to be sent. */
const slowMs = 2000
/** How long other lines wait after lines that could not be sent. */
const restMs = 2000

/**
 * The API alone, for networks that let nothing else out: claims that wait, live lines as requests. Commands come with
 * the answers to heartbeats, which tell every agent of those that it did not carry out yet.
 */
export function httpTransport(deps: TransportDeps): Transport {
  const claims = new LongClaims(deps)
  let isRegistered = false
  let restsUntil = 0

  return {
    begin() {
      isRegistered = true
      claims.begin()
    },
    capacityChanged: () => claims.capacityChanged(),
    runEnded: () => claims.capacityChanged(),
    apiIsBack: () => claims.askAnew(),
    isOpen: () => isRegistered && performance.now() >= restsUntil,
    async publishLog(run, batch) {
      const late = new AbortController()
      const sending = deps
        .sendLines(run, batch, AbortSignal.any([deps.signal, late.signal]))
        .then(() => true)
        .catch((err: unknown) => {
          deps.logger.debug({ err, run }, 'live lines were not sent')
          return false
        })
      if (!(await finishesWithin(slowMs, sending))) late.abort()
      const isSent = await sending
      if (!isSent) restsUntil = performance.now() + restMs
      return isSent
    },
    reconnect: () => claims.askAnew(),
    stopClaiming: () => claims.close(),
    close: () => claims.close(),
  }
}
