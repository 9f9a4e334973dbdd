import {
  type AnswerOf,
  type BodyOf,
  type Call,
  type InventoryModule,
  type LogBatch,
  type OutputFile,
  type ParamsOf,
  type RunId,
  type SessionId,
  sessionCalls,
  workCalls,
} from '@millrace/shared/for-agents'
import { z } from 'zod'
import { exchange, type Received } from '../http/exchange.ts'
import { ApiAway, failureOf } from '../http/failures.ts'
import type { ApiClock } from './api-clock.ts'

/** The length of a session until the API has sent it. */
const usualTtlSeconds = 20

export type AgentApiOptions = {
  url: string
  key: string
  /** Learns the API's time from answers that contain it. */
  clock: Pick<ApiClock, 'timed'>
  /** A session ends after this silence, unless a registration says otherwise; no call may take as long. */
  ttlSeconds?: number
}

export type AgentApi = ReturnType<typeof createAgentApi>

type Patience = { idleMs: number; wholeMs: number }
type Sent<C extends Call> = {
  params?: ParamsOf<C>
  body: BodyOf<C>
  signal?: AbortSignal
  patience?: Patience
}
type Body<C extends Call> = Omit<BodyOf<C>, 'sessionId'>
/** Sends under the current session, and registers again if it has expired. */
type WithSession = <T>(send: (sessionId: SessionId) => Promise<T>) => Promise<T>

/**
 * The agent's calls to the API, one function each. They throw `ApiRefused` (a definite rejection) or `ApiAway` (retry),
 * and are safe to send twice.
 */
export function createAgentApi({ url, key, clock, ttlSeconds = usualTtlSeconds }: AgentApiOptions) {
  let ttl = ttlSeconds
  const idleMs = () => Math.min(15_000, ttl * 750)
  /** By then the next heartbeat is due; the API treats an assignment that no heartbeat names as lost. */
  const shortMs = () => Math.min(5000, ttl * 250)

  const usual = (): Patience => ({ idleMs: idleMs(), wholeMs: 4 * idleMs() })
  const call = <C extends Call>(contract: C, sent: Sent<C>): Promise<AnswerOf<C>> =>
    sendCall({ url, key }, contract, { patience: usual(), ...sent })

  const heartbeat = clock.timed((body: BodyOf<typeof sessionCalls.heartbeat>, signal: AbortSignal) =>
    call(sessionCalls.heartbeat, { body, signal, patience: { idleMs: shortMs(), wholeMs: shortMs() } }),
  )

  return {
    register: clock.timed(async (body: BodyOf<typeof sessionCalls.register>, signal?: AbortSignal) => {
      const answer = await call(sessionCalls.register, { body, signal })
      ttl = answer.sessionTtlSeconds
      return answer
    }),

    under: (withSession: WithSession) => ({
      heartbeat: (body: Body<typeof sessionCalls.heartbeat>, signal: AbortSignal) =>
        withSession((sessionId) => heartbeat({ ...body, sessionId }, signal)),
      modules: (modules: InventoryModule[], signal: AbortSignal) =>
        withSession((sessionId) =>
          call(sessionCalls.reportModules, { body: { sessionId, modules }, signal }),
        ),
      installLog: (name: string, body: Body<typeof sessionCalls.appendInstallLog>, signal: AbortSignal) =>
        withSession((sessionId) =>
          call(sessionCalls.appendInstallLog, { params: { name }, body: { ...body, sessionId }, signal }),
        ),
      /** `null`: no work, also during the wait. */
      claim: (
        claimId: string,
        offers: BodyOf<typeof workCalls.claim>['offers'],
        wait: number,
        signal: AbortSignal,
      ) => {
        const patience = { idleMs: wait * 1000 + shortMs(), wholeMs: wait * 1000 + idleMs() }
        return withSession((sessionId) =>
          call(workCalls.claim, { body: { sessionId, claimId, offers, wait }, signal, patience }),
        )
      },
      logs: (id: RunId, { lines, progress, from }: LogBatch, signal: AbortSignal) =>
        withSession((sessionId) =>
          call(workCalls.appendRunLog, {
            params: { id },
            body: { sessionId, lines, progress, from },
            signal,
          }),
        ),
      askForUrls: (id: RunId, files: OutputFile[], signal: AbortSignal) =>
        withSession((sessionId) =>
          call(workCalls.createOutputUrls, { params: { id }, body: { sessionId, files }, signal }),
        ),
      finish: (id: RunId, report: Body<typeof workCalls.finishRun>, signal: AbortSignal) =>
        withSession((sessionId) =>
          call(workCalls.finishRun, { params: { id }, body: { ...report, sessionId }, signal }),
        ),
    }),
  }
}

async function sendCall<C extends Call>(
  { url, key }: Pick<AgentApiOptions, 'url' | 'key'>,
  contract: C,
  { params, body, signal, patience }: Sent<C> & { patience: Patience },
): Promise<AnswerOf<C>> {
  const { method } = contract
  const path = pathOf(contract, params ?? {})
  const name = `${method} ${path}`
  const answer = await exchange({
    ...{ method, url: url + path, ...patience, signal },
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json',
    },
    body: Buffer.from(JSON.stringify(body)),
  }).catch((cause: unknown) => {
    throw new ApiAway(`${name}: the API cannot be reached`, cause)
  })
  if (answer.status < 200 || answer.status > 299) throw failureOf(name, answer)
  return understood(name, contract, answer)
}

const pathOf = ({ path }: Call, params: Record<string, unknown>): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])))

/** An empty body (204) reads as `null`. */
function understood<C extends Call>(name: string, { answers }: C, { status, body }: Received): AnswerOf<C> {
  const { json = z.unknown() } = answers[status] ?? answers[200] ?? {}
  try {
    const answer = json.parse(body.length === 0 ? null : JSON.parse(body.toString()))
    return answer as AnswerOf<C> // as the schema of this call requires
  } catch (cause) {
    throw new ApiAway(`${name}: the answer is not valid`, cause)
  }
}
