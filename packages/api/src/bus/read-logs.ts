import { LogBatch } from '@millrace/shared'
import { type Consumer, DeliverPolicy, type JsMsg, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'

/** A batch, when NATS got it, and its place in the stream. */
export type LiveBatch = LogBatch & { at: string; seq: number }
export type LogSource = { stream: string; subject: string; signal: AbortSignal }

/** A reader that stalls holds as many batches, of 64 KiB each, and no more. */
export const readAhead = 32

/** Reads the batches that there are now behind a place in the stream. Throws when it cannot be read to its end. */
export async function* readLogs(
  nc: NatsConnection,
  from: LogSource & { after: number },
): AsyncGenerator<LiveBatch> {
  // Handed over when the consumer is gone: a reader may take its time with the last one.
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

/** It is made again by itself where it breaks off, and goes on behind the last message. */
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

/** NATS would keep it until nobody has asked it for half a minute, which is what happens where this fails. */
export async function removeConsumer(consumer: Consumer): Promise<void> {
  await consumer.delete().catch(() => undefined)
}

export function batchIn(message: JsMsg): LiveBatch | null {
  const batch = LogBatch.safeParse(jsonIn(message))
  return batch.success ? { ...batch.data, at: message.time.toISOString(), seq: message.seq } : null
}

/** Anything may have been published there. */
function jsonIn(message: JsMsg): unknown {
  try {
    return message.json()
  } catch {
    return null
  }
}
