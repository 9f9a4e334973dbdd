import type { HeartbeatAnswer, HeartbeatRequest } from '@millrace/shared/for-agents'
import { sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import { SessionDenied } from './session.ts'

export type HeartbeatDeps = {
  everySeconds: number
  describe(): Promise<Omit<HeartbeatRequest, 'sessionId'>>
  send(body: Omit<HeartbeatRequest, 'sessionId'>, signal: AbortSignal): Promise<HeartbeatAnswer>
  /** `acknowledged` are the ids of commands that the API now knows to be carried out. */
  onAnswer(answer: HeartbeatAnswer, acknowledged: string[]): void
  /** Aborted when the machine wakes from a sleep: a beat under way is given up then, and the next is due at once. */
  nextWaking(): AbortSignal
  /** The API answers again after it was away. */
  onBack(): void
  logger: Logger
}

/**
 * Tells the API every few seconds that this agent lives and which runs it holds, until the signal or a denial. A beat
 * that fails has no consequence here: the runs go on.
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
        deps.logger.info({ missed }, 'the API hears this agent again')
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
