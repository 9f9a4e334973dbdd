import { type AgentId, type LogBatch, logSubject, type RunId } from '@millrace/shared/for-agents'
import { finishesWithin } from '@millrace/std/time'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Logger } from 'pino'

const slowMs = 2000

/**
 * Publishes one batch of live lines, best effort. Waits for the acknowledgement, so that a slow NATS fills the bounded
 * buffer of the run, not the connection's; `false` when that takes too long.
 */
export async function publishLog(
  connection: NatsConnection,
  at: { agent: AgentId; run: RunId },
  batch: LogBatch,
  logger: Logger,
): Promise<boolean> {
  try {
    connection.publish(logSubject(at.agent, at.run), JSON.stringify(batch))
    return await finishesWithin(slowMs, connection.flush())
  } catch (err) {
    logger.debug({ err, run: at.run }, 'sending live lines failed')
    return false
  }
}
