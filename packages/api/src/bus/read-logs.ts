import { LogBatch } from '@millrace/shared'
import { type Consumer, DeliverPolicy, type JsMsg, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'

/** A batch, the time at which NATS received it, and its sequence number in the stream. */
export type LiveBatch = LogBatch & { at: string; seq: number }
export type LogSource = { stream: string; subject: string; signal: AbortSignal }

/** The most batches, of 64 KiB each, that a stalled reader holds in memory. */
export const readAhead = 32

/** Reads the present batches after a sequence number of the stream. Throws when it cannot read to the end. */
export async function* readLogs(
  nc: NatsConnection,
  from: LogSource & { after: number },
): AsyncGenerator<LiveBatch> {
  // Yielded after the consumer is removed: a reader may be slow with the last one.
  const last = yield* readAllButLast(nc, from)
  if (last) yield last
}

async function* readAllButLast(
  nc: NatsConnection,
  { stream, subject, after, signal }: LogSource & { after: number },
): AsyncGenerator<LiveBatch, LiveBatch | null> {
  const consumer = await consumerFrom(nc, { stream, subject, seq: after + 1 })
  try {
    let unread = (await consumer.info(true)).num_pending
    if (unread === 0) return null
    const messages = await consumer.consume({ max_messages: readAhead })
    const stop = () => messages.stop()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      for await (const message of messages) {
        const batch = batchIn(message)
        unread -= 1
        if (unread <= 0) return batch
        if (batch) yield batch
      }
      throw new Error(`${unread} batches of the log could not be read in time`)
    } finally {
      signal.removeEventListener('abort', stop)
      messages.stop()
    }
  } finally {
    await removeConsumer(consumer)
  }
}

/** The client recreates the consumer after a failure, and it continues after the last message. */
export const consumerFrom = (
  nc: NatsConnection,
  { stream, subject, seq }: { stream: string; subject: string; seq: number },
): Promise<Consumer> =>
  jetstream(nc).consumers.get(stream, {
    filter_subjects: subject,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: seq,
    // In milliseconds: the library turns it into nanoseconds itself.
    inactive_threshold: 30_000,
  })

/** If this fails, NATS removes the consumer after 30 s without a request. */
export async function removeConsumer(consumer: Consumer): Promise<void> {
  await consumer.delete().catch(() => undefined)
}

export function batchIn(message: JsMsg): LiveBatch | null {
  const batch = LogBatch.safeParse(jsonIn(message))
  return batch.success ? { ...batch.data, at: message.time.toISOString(), seq: message.seq } : null
}

/** Other programs may publish anything on the subject. */
function jsonIn(message: JsMsg): unknown {
  try {
    return message.json()
  } catch {
    return null
  }
}
