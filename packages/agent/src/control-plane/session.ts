import { randomUUID } from 'node:crypto'
import type { AgentId, RegisterAnswer, RegisterRequest, RunId, SessionId } from '@millrace/shared/for-agents'
import { backoffMs, sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import type { Identity } from '../home/identity.ts'
import { ApiAway, isRefused } from '../http/failures.ts'
import type { AgentSignals } from '../signals/agent-signals.ts'
import type { AgentApi } from './agent-api.ts'

/** The API rejects this process: another one with its id is alive or took over. */
export class SessionDenied extends Error {
  readonly why: 'agent_connected' | 'session_replaced' | 'refused'
  constructor(why: SessionDenied['why'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'SessionDenied'
    this.why = why
  }
}

export type SessionDeps = {
  api: Pick<AgentApi, 'register'>
  identity: Identity
  keep(identity: Identity): Promise<void>
  describe(): Omit<RegisterRequest, 'agentId' | 'instanceId' | 'previousSessionId' | 'heldRuns'>
  heldRuns(): RunId[]
  signals: Pick<AgentSignals, 'registered'>
  onDenied(denied: SessionDenied): void
  logger: Logger
  signal: AbortSignal
}

/** This process's session at the API: it registers once, and again whenever the session has expired. */
export class Session {
  readonly #deps: SessionDeps
  /** Proves to the API that live lines come from this process; only the two know it. */
  readonly instanceId = randomUUID()
  #answer: RegisterAnswer | null = null
  #registering: Promise<RegisterAnswer> | null = null

  constructor(deps: SessionDeps) {
    this.#deps = deps
  }

  get agentId(): AgentId | null {
    return this.#answer?.agentId ?? null
  }

  /** Runs one call under the current session; replaces an expired one and repeats the call. */
  async call<T>(send: (sessionId: SessionId) => Promise<T>): Promise<T> {
    const session = this.#answer ?? (await this.register())
    try {
      return await send(session.sessionId)
    } catch (error) {
      // Irrelevant for a session that this process has renewed meanwhile.
      const isCurrent = this.#answer === session && this.#registering === null
      if (isRefused(error, 'session_replaced') && isCurrent) throw this.#denied('session_replaced', error)
      if (!isRefused(error, 'session_expired', 'session_replaced')) throw error
      this.#deps.logger.warn('the session expired; registering again')
      const renewed = this.#answer === session ? await this.register() : await this.#current()
      return await send(renewed.sessionId)
    }
  }

  /** Registers, retrying while the API is unreachable. Concurrent calls share one registration. */
  register(): Promise<RegisterAnswer> {
    this.#registering ??= this.#register().finally(() => {
      this.#registering = null
    })
    return this.#registering
  }

  #current(): Promise<RegisterAnswer> {
    return this.#registering ?? (this.#answer ? Promise.resolve(this.#answer) : this.register())
  }

  async #register(): Promise<RegisterAnswer> {
    const { signal, logger } = this.#deps
    for (let tries = 1; !signal.aborted; tries++) {
      try {
        return await this.#registerOnce()
      } catch (error) {
        if (isRefused(error, 'agent_connected', 'session_replaced'))
          throw this.#denied(error.code === 'agent_connected' ? 'agent_connected' : 'session_replaced', error)
        if (isRefused(error, 'unauthorized', 'forbidden', 'invalid_request'))
          throw this.#denied('refused', error)
        if (tries === 1 || tries % 10 === 0)
          logger.warn({ err: error, tries }, 'registration failed; retrying')
        await sleep(
          (error instanceof ApiAway && error.retryAfterMs) || backoffMs(tries, { most: 5000 }),
          signal,
        )
      }
    }
    throw new ApiAway('the agent is stopping')
  }

  async #registerOnce(): Promise<RegisterAnswer> {
    const { api, identity, logger, keep } = this.#deps
    const isNew = identity.agentId === undefined
    const answer = await api.register(
      {
        ...this.#deps.describe(),
        agentId: identity.agentId,
        instanceId: this.instanceId,
        previousSessionId: identity.lastSessionId,
        heldRuns: this.#deps.heldRuns(),
      },
      this.#deps.signal,
    )
    identity.agentId = answer.agentId
    identity.lastSessionId = answer.sessionId
    // A full disk must not lose runs: after a restart the agent names an older session, and waits until this one ends.
    await keep(identity).catch((err: unknown) => {
      if (isNew) throw err
      logger.warn({ err }, 'the new session could not be saved')
    })
    this.#answer = answer
    logger.info({ agent: answer.agentId, session: answer.sessionId }, 'registered')
    this.#deps.signals.registered.emit(answer)
    return answer
  }

  #denied(why: SessionDenied['why'], cause: Error): SessionDenied {
    const denied = new SessionDenied(why, reasons[why], cause)
    this.#deps.onDenied(denied)
    return denied
  }
}

const reasons: Record<SessionDenied['why'], string> = {
  agent_connected:
    'another live process already uses this agent id; stop it, or give this one its own AGENT_HOME',
  session_replaced: 'another process took over this agent; exiting',
  refused: 'the API rejects this agent; check MILLRACE_URL and MILLRACE_AGENT_KEY',
}
