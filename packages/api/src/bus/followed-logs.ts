import { type Consumer, type ConsumerMessages, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  batchIn,
  consumerFrom,
  type LiveBatch,
  type LogSource,
  readAhead,
  readLogs,
  removeConsumer,
} from './read-logs.ts'

/** Batches of a run, of 64 KiB each, that are kept for readers that lag behind. */
const windowBatches = 32

/**
 * Live logs that readers of this process follow: one consumer for each run, shared by its readers and removed with the
 * last of them. A reader fetches earlier batches from the stream itself, and so does one that is too slow.
 */
export class FollowedLogs {
  readonly #logs = new Map<string, FollowedLog>()

  async *follow(nc: NatsConnection, from: LogSource): AsyncGenerator<LiveBatch> {
    const key = from.subject
    const known = this.#logs.get(key)
    const log = known?.isUsable(nc) ? known : new FollowedLog(nc, from)
    this.#logs.set(key, log)
    log.readers += 1
    try {
      yield* log.read(from.signal)
    } finally {
      log.readers -= 1
      if (log.readers === 0) {
        if (this.#logs.get(key) === log) this.#logs.delete(key)
        await log.close()
      }
    }
  }
}

class FollowedLog {
  readers = 0
  readonly #nc: NatsConnection
  readonly #from: LogSource
  readonly #begun: Promise<void>
  /** Batches up to this sequence number must be read from the stream; later ones are in the window. */
  #floor = 0
  #window: LiveBatch[] = []
  #arrival = Promise.withResolvers<void>()
  #failure: unknown
  #consumer: Consumer | undefined
  #messages: ConsumerMessages | undefined
  #isClosed = false

  constructor(nc: NatsConnection, from: LogSource) {
    this.#nc = nc
    this.#from = from
    this.#begun = this.#begin()
    this.#begun.then(
      () => void this.#receive(),
      (error) => this.#fail(error),
    )
  }

  isUsable(nc: NatsConnection): boolean {
    return nc === this.#nc && !this.#isClosed && this.#failure === undefined
  }

  async *read(signal: AbortSignal): AsyncGenerator<LiveBatch> {
    await this.#begun
    for (let last = 0; !signal.aborted; ) {
      const arrival = this.#arrival.promise
      if (last < this.#floor) {
        const floor = this.#floor
        for await (const batch of this.#readStream(last, signal)) {
          last = batch.seq
          yield batch
        }
        last = Math.max(last, floor)
        continue
      }
      const fresh = this.#window.filter(({ seq }) => seq > last)
      for (const batch of fresh) {
        last = batch.seq
        yield batch
      }
      if (fresh.length > 0) continue
      if (this.#failure !== undefined) throw this.#failure
      await untilEither(arrival, signal)
    }
  }

  /** A reader that stopped, because it disconnected or the run ended, has missed nothing. */
  async *#readStream(after: number, signal: AbortSignal): AsyncGenerator<LiveBatch> {
    try {
      yield* readLogs(this.#nc, { ...this.#from, signal, after })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#begun.catch(() => undefined)
    this.#messages?.stop()
    if (this.#consumer) await removeConsumer(this.#consumer)
  }

  async #begin(): Promise<void> {
    const { stream, subject } = this.#from
    const manager = await jetstreamManager(this.#nc, { checkAPI: false })
    this.#floor = (await manager.streams.info(stream)).state.last_seq
    this.#consumer = await consumerFrom(this.#nc, { stream, subject, seq: this.#floor + 1 })
    this.#messages = await this.#consumer.consume({ max_messages: readAhead })
  }

  async #receive(): Promise<void> {
    try {
      for await (const message of this.#messages ?? []) {
        const batch = batchIn(message)
        if (!batch) continue
        this.#window.push(batch)
        const [oldest] = this.#window.length > windowBatches ? this.#window.splice(0, 1) : []
        if (oldest) this.#floor = oldest.seq
        this.#wake()
      }
      this.#fail(new Error('the log cannot be followed any more'))
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#failure = error
    this.#wake()
  }

  #wake(): void {
    this.#arrival.resolve()
    this.#arrival = Promise.withResolvers()
  }
}

async function untilEither(event: Promise<void>, signal: AbortSignal): Promise<void> {
  const gone = Promise.withResolvers<void>()
  const end = () => gone.resolve()
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  await Promise.race([event, gone.promise])
  signal.removeEventListener('abort', end)
}
