import type { RegisterAnswer } from '@millrace/shared/for-agents'
import { agentInbox } from '@millrace/shared/for-agents'
import { backoffMs, sleep } from '@millrace/std/time'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Logger } from 'pino'

export type NatsAccess = RegisterAnswer['nats']

export type NatsLinkOptions = {
  name: string
  /** `isNew` is false when the same connection was restored. */
  onUp(connection: NatsConnection, isNew: boolean): Promise<void>
  onDown(): void
  logger: Logger
}

/** The connection to NATS, which may fail at any time: no part of the agent waits for it. */
export class NatsLink {
  readonly #options: NatsLinkOptions
  #access: string | null = null
  #life: { stop: AbortController; ended: Promise<void> } | null = null
  #connection: NatsConnection | null = null
  #isUp = false

  constructor(options: NatsLinkOptions) {
    this.#options = options
  }

  /** The connection while it is up. */
  get current(): NatsConnection | null {
    return this.#isUp ? this.#connection : null
  }

  /** Connects in the background; changed credentials replace the connection. */
  use(access: NatsAccess): void {
    const wanted = JSON.stringify(access)
    if (wanted === this.#access) return
    this.#access = wanted
    const before = this.#life
    before?.stop.abort()
    const stop = new AbortController()
    const ended = (before?.ended ?? Promise.resolve()).then(() => this.#live(access, stop.signal))
    this.#life = { stop, ended }
  }

  /** Reconnects, even if the connection seems up; without a connection, an attempt is already in progress. */
  reconnect(): void {
    this.current
      ?.reconnect()
      .catch((err: unknown) => this.#options.logger.debug({ err }, 'NATS is already unreachable'))
  }

  async close(): Promise<void> {
    this.#life?.stop.abort()
    await this.#life?.ended
  }

  async #live(access: NatsAccess, signal: AbortSignal): Promise<void> {
    const { logger } = this.#options
    for (let tries = 1; !signal.aborted; tries++) {
      try {
        const connection = await this.#connect(access, signal)
        if (connection) await this.#follow(connection, signal)
        tries = 1
      } catch (err) {
        logger.warn({ err }, 'NATS is unreachable; continuing without it')
      }
      this.#down()
      await sleep(backoffMs(tries, { most: 10_000 }), signal)
    }
  }

  /** The client's own wait for a server cannot be aborted: a connection that arrives too late is closed. */
  async #connect(access: NatsAccess, signal: AbortSignal): Promise<NatsConnection | null> {
    const { connect } = await import('@nats-io/transport-node')
    const connecting = connect({
      servers: access.servers,
      user: access.user,
      pass: access.password,
      name: this.#options.name,
      timeout: 5000,
      maxReconnectAttempts: -1,
      // The client detects a dead connection within 5 to 10 s; until then no token arrives.
      pingInterval: 5_000,
      maxPingOut: 1,
      waitOnFirstConnect: true,
      inboxPrefix: agentInbox,
    })
    const aborted = Promise.withResolvers<null>()
    const onAbort = () => {
      connecting
        .then((late) => late.close())
        .catch((err: unknown) =>
          this.#options.logger.debug({ err }, 'a late connection to NATS was given up'),
        )
      aborted.resolve(null)
    }
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([connecting, aborted.promise])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  async #follow(connection: NatsConnection, signal: AbortSignal): Promise<void> {
    this.#up(connection, true)
    const close = () => {
      connection
        .close()
        .catch((err: unknown) =>
          this.#options.logger.debug({ err }, 'the connection to NATS did not close well'),
        )
    }
    signal.addEventListener('abort', close, { once: true })
    if (signal.aborted) close()
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') this.#down()
      if (status.type === 'reconnect') this.#up(connection, false)
      if (status.type === 'error') this.#options.logger.warn({ err: status.error }, 'NATS reports an error')
    }
    signal.removeEventListener('abort', close)
    const error = await connection.closed()
    if (error) throw error
  }

  #up(connection: NatsConnection, isNew: boolean): void {
    this.#connection = connection
    this.#isUp = true
    this.#options.logger.info({ server: connection.getServer() }, 'connected to NATS')
    this.#options
      .onUp(connection, isNew)
      .catch((err: unknown) => this.#options.logger.error({ err }, 'NATS cannot be used'))
  }

  #down(): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#options.onDown()
  }
}
