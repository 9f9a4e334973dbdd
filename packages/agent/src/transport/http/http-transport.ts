import { finishesWithin } from '@millrace/std/time'
import type { Transport, TransportDeps } from '../transport.ts'
import { LongClaims } from './long-claims.ts'

/** How long an ended run waits until its last lines are sent. */
const slowMs = 2000
/** The delay of further lines after a failed send. */
const restMs = 2000

/**
 * The transport over HTTP alone, for networks that allow nothing else: long-poll claims, and live lines as requests.
 * Commands arrive in the answers to heartbeats, which contain all that the agent has not executed yet.
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
          deps.logger.debug({ err, run }, 'sending live lines failed')
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
