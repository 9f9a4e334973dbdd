import { LogBatch } from '@millrace/shared'
import { DeliverPolicy, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'

/** A batch, and when NATS got it. */
export type LiveBatch = LogBatch & { at: string }

/** A reader that stalls holds as many batches, of 64 KiB each, and no more. */
const readAhead = 32

/** Reads a run's batches from the start; the ordered consumer it uses is gone when the reader is. */
export async function* readLogs(
  nc: NatsConnection,
  options: { stream: string; subject: string; follow: boolean; signal: AbortSignal },
): AsyncIterable<LiveBatch> {
  const consumer = await jetstream(nc).consumers.get(options.stream, {
    filter_subjects: options.subject,
    deliver_policy: DeliverPolicy.All,
  })
  const info = await consumer.info(true)
  let unread = info.num_pending
  if (unread === 0 && !options.follow) return
  const messages = await consumer.consume({ max_messages: readAhead })
  const stop = () => messages.stop()
  options.signal.addEventListener('abort', stop, { once: true })
  if (options.signal.aborted) stop()
  try {
    for await (const message of messages) {
      const batch = LogBatch.safeParse(message.json())
      if (batch.success) yield { ...batch.data, at: message.time.toISOString() }
      unread -= 1
      if (unread <= 0 && !options.follow) return
    }
    if (!options.follow && unread > 0)
      throw new Error(`${unread} batches of the log could not be read in time`)
  } finally {
    options.signal.removeEventListener('abort', stop)
    messages.stop()
  }
}
