import { EventEmitter } from 'node:events'
import {
  type AgentCommand,
  type AgentId,
  anyEvent,
  commandSubject,
  type LogBatch,
  logStream,
  logSubject,
  type RunId,
  type Token,
  workSubject,
} from '@millrace/shared'
import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { FollowedLogs } from './followed-logs.ts'
import { type LiveBatch, readLogs } from './read-logs.ts'
import { ensureConsumer, ensureStreams } from './streams.ts'

/**
 * NATS, as the rest of the API sees it. No request needs it to succeed: the tick or a reader's next read makes up for
 * messages that NATS does not deliver.
 */
export type Bus = {
  /** Sends a dispatch token for this module. A full subject or an unreachable server is no error. */
  sendToken(module: string): Promise<void>
  announce(subject: string, payload?: string): void
  command(agent: AgentId, command: AgentCommand): void
  publishLog(agent: AgentId, run: RunId, batch: LogBatch): Promise<void>
  /** Calls back on every announcement of any process. Call the returned function to stop. */
  listen(subjects: readonly string[], heard: (payload: string) => void): () => void
  /** Calls back on every announcement, and on `missed` when some may be lost. Call the returned function to stop. */
  listenToAll(heard: (payload: string) => void, missed: () => void): () => void
  /** Whether announcements of other processes arrive. */
  isConnected(): boolean
  /**
   * Batches of a run's live log in order, as published under this agent's subject. Without `follow` it ends after the
   * last batch so far. Throws when it cannot read to the end, so that a partial log never looks complete.
   */
  logs(
    agent: AgentId,
    run: RunId,
    options: { follow: boolean; signal: AbortSignal },
  ): AsyncIterable<LiveBatch>
  /** Makes sure that streams and this module's consumer exist. */
  ensureWork(module: string): Promise<void>
  /** `false`: NATS is unreachable; retry. */
  ensureStreams(): Promise<boolean>
  pendingTokens(module: string): Promise<number>
  ping(): Promise<void>
  close(): Promise<void>
}

/** NATS is unreachable or failed; the request itself is valid. */
export class BusAway extends Error {
  override readonly name = 'BusAway'
}

function away(cause?: unknown): never {
  throw new BusAway('NATS cannot be reached', { cause })
}

export type BusLogger = {
  warn(detail: object, message: string): void
  info(detail: object, message: string): void
}

/** Starts connecting and returns at once; the client reconnects by itself. */
export function openBus(options: { url: string; user?: string; password?: string }, logger: BusLogger): Bus {
  const connecting = connect({
    servers: options.url.split(','),
    user: options.user,
    pass: options.password,
    name: 'millrace-api',
    timeout: 5_000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    pingInterval: 10_000,
    waitOnFirstConnect: true,
    ignoreClusterUpdates: true,
    noEcho: true,
  })
  let connection: NatsConnection | undefined
  let publisher: JetStreamClient | undefined
  const followed = new FollowedLogs()
  let isConnected = false
  const ready = connecting.then((nc) => {
    connection = nc
    isConnected = true
    logger.info({}, 'connected to NATS')
    // One subscription for all readers: each waiting request would cost the server two commands and a round trip.
    nc.subscribe(anyEvent, {
      callback: (_error, event) => emit(event.subject, event.string()),
    })
    void watchStatus(nc, logger, (isThere) => {
      isConnected = isThere
      heardHere.emit(gap)
    }).catch((error) => logger.warn({ err: error }, 'NATS status ended'))
    return nc
  })
  ready.catch((error) => logger.warn({ err: error }, 'NATS connection failed'))
  // Listeners in the announcing process hear at once; `noEcho` keeps NATS from repeating it to them.
  const heardHere = new EventEmitter().setMaxListeners(0)
  const emit = (subject: string, payload: string) => {
    heardHere.emit(subject, payload)
    heardHere.emit(anyEvent, payload)
  }
  const live = () => (connection && !connection.isClosed() ? connection : undefined)
  /** Resolves when the message is on disk. */
  const publish = (nc: NatsConnection, subject: string, message: object) => {
    publisher ??= jetstream(nc, { timeout: 2_000 })
    return publisher.publish(subject, JSON.stringify(message))
  }

  return {
    async sendToken(module) {
      const nc = live()
      if (!nc) return
      const token: Token = { v: 1, module }
      try {
        await publish(nc, workSubject(module), token)
      } catch (error) {
        // NATS rejects tokens for a full subject: the agents already have enough of them.
        if (!isFullSubject(error))
          logger.warn({ err: error, module }, 'sending a token failed; the tick retries')
      }
    },
    announce(subject, payload) {
      live()?.publish(subject, payload)
      emit(subject, payload ?? '')
    },
    command(agent, command) {
      live()?.publish(commandSubject(agent), JSON.stringify(command))
    },
    async publishLog(agent, run, batch) {
      const nc = live() ?? away()
      try {
        await publish(nc, logSubject(agent, run), batch)
      } catch (error) {
        away(error)
      }
    },
    listen(subjects, heard) {
      for (const subject of subjects) heardHere.on(subject, heard)
      return () => {
        for (const subject of subjects) heardHere.off(subject, heard)
      }
    },
    listenToAll(heard, missed) {
      heardHere.on(anyEvent, heard).on(gap, missed)
      return () => {
        heardHere.off(anyEvent, heard).off(gap, missed)
      }
    },
    isConnected: () => isConnected,
    async *logs(agent, run, { follow, signal }) {
      const nc = live() ?? away()
      const from = { stream: logStream, subject: logSubject(agent, run), signal }
      try {
        yield* follow ? followed.follow(nc, from) : readLogs(nc, { ...from, after: 0 })
      } catch (error) {
        away(error)
      }
    },
    async ensureWork(module) {
      const nc = live()
      if (nc) await ensureConsumer(await jetstreamManager(nc, { checkAPI: false }), module)
    },
    async ensureStreams() {
      const nc = live()
      if (!nc) return false
      await ensureStreams(await jetstreamManager(nc, { checkAPI: false }))
      return true
    },
    async pendingTokens(module) {
      const nc = live()
      if (!nc) return Number.POSITIVE_INFINITY
      const manager = await jetstreamManager(nc, { checkAPI: false })
      const info = await manager.streams.info('WORK', { subjects_filter: workSubject(module) })
      return info.state.subjects?.[workSubject(module)] ?? 0
    },
    async ping() {
      const nc = live()
      if (!nc) throw new Error('not connected')
      await withTimeout(nc.flush(), 2_000)
    },
    async close() {
      // The client cannot abort its first connection attempt: close the connection as soon as it is made.
      if (!connection) void ready.then((late) => late.close()).catch(() => undefined)
      const nc = live()
      if (nc) await nc.drain().catch((error) => logger.warn({ err: error }, 'NATS did not close cleanly'))
    },
  }
}

/** A local subject (all others begin with `event.`): announcements may have been missed. */
const gap = 'gap'

async function watchStatus(
  nc: NatsConnection,
  logger: BusLogger,
  cameOrWent: (isConnected: boolean) => void,
): Promise<void> {
  for await (const status of nc.status()) {
    if (status.type === 'disconnect' || status.type === 'reconnect') cameOrWent(status.type === 'reconnect')
    if (status.type === 'disconnect' || status.type === 'reconnect' || status.type === 'error') {
      logger.warn({ status: status.type }, `NATS: ${status.type}`)
    }
  }
}

const fullSubject = [10077, 10076]

function isFullSubject(error: unknown): boolean {
  return error instanceof Error && 'code' in error && fullSubject.includes(Number(error.code))
}

async function withTimeout<T>(promise: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
