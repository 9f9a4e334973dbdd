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
 * NATS, as the rest of the API sees it. Nothing here is needed for a request to succeed: whatever is not
 * delivered, the tick or a reader's next look makes good.
 */
export type Bus = {
  /** "There is ready work for this module." A full subject or an absent server is no error. */
  sendToken(module: string): Promise<void>
  announce(subject: string, payload?: string): void
  command(agent: AgentId, command: AgentCommand): void
  publishLog(agent: AgentId, run: RunId, batch: LogBatch): Promise<void>
  /** Calls back on every announcement, of whatever process, until the answer is called. */
  listen(subjects: readonly string[], heard: (payload: string) => void): () => void
  /** Calls back on every announcement there is; `missed` when some may have gone by unheard. Until the answer is called. */
  listenToAll(heard: (payload: string) => void, missed: () => void): () => void
  /** Whether what other processes announce arrives. */
  isConnected(): boolean
  /**
   * Batches of a run's live log as this agent, or one that claims to be it, published them, in order; ends when all that is there was read, unless it is to follow.
   * Throws when it cannot be read to its end: part of a log is never taken for the whole.
   */
  logs(
    agent: AgentId,
    run: RunId,
    options: { follow: boolean; signal: AbortSignal },
  ): AsyncIterable<LiveBatch>
  /** Makes sure that streams and this module's consumer exist. */
  ensureWork(module: string): Promise<void>
  /** `false`: NATS is away; ask again. */
  ensureStreams(): Promise<boolean>
  pendingTokens(module: string): Promise<number>
  ping(): Promise<void>
  close(): Promise<void>
}

/** NATS cannot be reached, or does not do its part: nothing is wrong with the request. */
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

/** Starts connecting and returns at once; the connection comes, goes and comes back by itself. */
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
      callback: (_error, event) => tell(event.subject, event.string()),
    })
    void watchStatus(nc, logger, (isThere) => {
      isConnected = isThere
      heardHere.emit(gap)
    }).catch((error) => logger.warn({ err: error }, 'NATS status ended'))
    return nc
  })
  ready.catch((error) => logger.warn({ err: error }, 'NATS connection failed'))
  // Who listens in the process that announces hears at once, and not once more from NATS.
  const heardHere = new EventEmitter().setMaxListeners(0)
  const tell = (subject: string, payload: string) => {
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
        // A subject that holds enough tokens refuses more: the agents have been told.
        if (!isFullSubject(error)) logger.warn({ err: error, module }, 'a token was not sent; the tick will')
      }
    },
    announce(subject, payload) {
      live()?.publish(subject, payload)
      tell(subject, payload ?? '')
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
      // A first connection that is still being made cannot be given up: close it as soon as it is there.
      if (!connection) void ready.then((late) => late.close()).catch(() => undefined)
      const nc = live()
      if (nc) await nc.drain().catch((error) => logger.warn({ err: error }, 'NATS did not close cleanly'))
    },
  }
}

/** Among the subjects, all of which begin with `event.`: announcements may have been missed. */
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
