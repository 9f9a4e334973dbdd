import type { HeartbeatAnswer, HeartbeatRequest } from '@millrace/shared/for-agents'
import { sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import { SessionDenied } from './session.ts'

export type HeartbeatDeps = {
  everySeconds: number
  describe(): Promise<Omit<HeartbeatRequest, 'sessionId'>>
  send(body: Omit<HeartbeatRequest, 'sessionId'>, signal: AbortSignal): Promise<HeartbeatAnswer>
  /** `acknowledged`: the ids of commands whose execution the API has recorded. */
  onAnswer(answer: HeartbeatAnswer, acknowledged: string[]): void
  /** Aborted when the machine wakes from a sleep: the agent then aborts a heartbeat in flight and sends the next one. */
  nextWaking(): AbortSignal
  /** The API answers again after an outage. */
  onBack(): void
  logger: Logger
}

/**
 * Sends a heartbeat every few seconds with the runs that this agent holds, until the signal or a denial. A failed
 * heartbeat has no consequence here: the runs continue.
 */
export async function keepBeating(deps: HeartbeatDeps, signal: AbortSignal): Promise<void> {
  let missed = 0
  let untilWaking = AbortSignal.any([signal, deps.nextWaking()])
  while (!signal.aborted) {
    await sleep(deps.everySeconds * 1000, untilWaking)
    if (signal.aborted) return
    untilWaking = AbortSignal.any([signal, deps.nextWaking()])
    try {
      const body = await deps.describe()
      const answer = await deps.send(body, untilWaking)
      deps.onAnswer(answer, body.done ?? [])
      if (missed > 0) {
        deps.logger.info({ missed }, 'heartbeats are answered again')
        deps.onBack()
      }
      missed = 0
    } catch (err) {
      if (err instanceof SessionDenied) return
      missed += 1
      if (!signal.aborted) deps.logger.warn({ err, missed }, 'a heartbeat was not answered')
    }
  }
}
