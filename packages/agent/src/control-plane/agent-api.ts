import {
  ClaimAnswer,
  type ClaimRequest,
  FinishAnswer,
  type FinishRequest,
  HeartbeatAnswer,
  type HeartbeatRequest,
  type InstallLogRequest,
  InventoryAnswer,
  type InventoryRequest,
  OutputsAnswer,
  type OutputsRequest,
  RegisterAnswer,
  type RegisterRequest,
  type RunId,
  type RunLogsRequest,
} from '@millrace/shared/for-agents'
import { z } from 'zod'
import { exchange } from '../http/exchange.ts'
import { ApiAway, failureOf } from '../http/failures.ts'

/** Of a session, when the API has not said its own yet. */
const usualTtlSeconds = 20

export type AgentApiOptions = {
  url: string
  key: string
  /** After so much silence a session ends, until a registration says otherwise: no call may hang for as long. */
  ttlSeconds?: number
}

export type AgentApi = ReturnType<typeof createAgentApi>

/**
 * The agent's side of the API, one function per call. Each throws `ApiRefused` (a definite no) or
 * `ApiAway` (try again), and is safe to send twice.
 */
export function createAgentApi({ url, key, ttlSeconds = usualTtlSeconds }: AgentApiOptions) {
  let ttl = ttlSeconds
  const idleMs = () => Math.min(15_000, ttl * 750)
  /** By then the next heartbeat is due, and a grant that is not told of counts as missing. */
  const shortMs = () => Math.min(5000, ttl * 250)

  async function call<Answer>(
    method: string,
    path: string,
    body: unknown,
    Answer: z.ZodType<Answer>,
    signal?: AbortSignal,
    patience: { idleMs: number; wholeMs: number } = { idleMs: idleMs(), wholeMs: 4 * idleMs() },
  ) {
    const name = `${method} ${path}`
    const answer = await exchange({
      method,
      url: `${url}/agent/v1/${path}`,
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: Buffer.from(JSON.stringify(body)),
      ...patience,
      signal,
    }).catch((cause: unknown) => {
      throw new ApiAway(`${name}: the API cannot be reached`, cause)
    })
    if (answer.status < 200 || answer.status > 299) throw failureOf(name, answer)
    return understood(name, answer.body, Answer)
  }

  return {
    async register(body: RegisterRequest, signal?: AbortSignal) {
      const answer = await call('POST', 'register', body, RegisterAnswer, signal)
      ttl = answer.sessionTtlSeconds
      return answer
    },
    heartbeat: (body: HeartbeatRequest, signal?: AbortSignal) =>
      call('POST', 'heartbeat', body, HeartbeatAnswer, signal, {
        idleMs: shortMs(),
        wholeMs: shortMs(),
      }),
    modules: (body: InventoryRequest, signal?: AbortSignal) =>
      call('PUT', 'modules', body, InventoryAnswer, signal),
    installLog: (module: string, body: InstallLogRequest, signal?: AbortSignal) =>
      call('POST', `modules/${encodeURIComponent(module)}/install-log`, body, z.unknown(), signal),
    /** `null`: there is nothing to do, and was nothing while it waited. */
    claim: (body: ClaimRequest, signal?: AbortSignal) =>
      call('POST', 'claim', body, ClaimAnswer.nullable(), signal, {
        idleMs: (body.wait ?? 0) * 1000 + shortMs(),
        wholeMs: (body.wait ?? 0) * 1000 + idleMs(),
      }),
    outputs: (run: RunId, body: OutputsRequest, signal?: AbortSignal) =>
      call('POST', `runs/${run}/outputs`, body, OutputsAnswer, signal),
    logs: (run: RunId, body: RunLogsRequest, signal?: AbortSignal) =>
      call('POST', `runs/${run}/logs`, body, z.unknown(), signal),
    finish: (run: RunId, body: FinishRequest, signal?: AbortSignal) =>
      call('POST', `runs/${run}/finish`, body, FinishAnswer, signal),
  }
}

/** An empty body (204) reads as `null`. */
function understood<Answer>(name: string, body: Buffer, Answer: z.ZodType<Answer>): Answer {
  try {
    return Answer.parse(body.length === 0 ? null : JSON.parse(body.toString()))
  } catch (cause) {
    throw new ApiAway(`${name}: the answer was not understood`, cause)
  }
}
