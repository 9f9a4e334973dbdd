import { Problem } from '@millrace/shared/for-agents'
import type { Received } from './exchange.ts'

/** The API rejected this request (4xx). `code` is null when the answer is not the API's, for example a proxy's. */
export class ApiRefused extends Error {
  readonly status: number
  readonly code: string | null
  constructor(call: string, status: number, problem: Problem | null) {
    super(`${call} was refused: ${status} ${problem ? describe(problem) : '(not an answer of the API)'}`)
    this.name = 'ApiRefused'
    this.status = status
    this.code = problem?.code ?? null
  }
}

/** No definite answer: no connection, a server fault, "retry later", or an invalid answer. */
export class ApiAway extends Error {
  readonly retryAfterMs: number | null
  constructor(message: string, cause?: unknown, retryAfterMs: number | null = null) {
    super(message, { cause })
    this.name = 'ApiAway'
    this.retryAfterMs = retryAfterMs
  }
}

export const isRefused = (error: unknown, ...codes: string[]): error is ApiRefused =>
  error instanceof ApiRefused && (codes.length === 0 || (error.code !== null && codes.includes(error.code)))

/** The failure for an answer other than 2xx. */
export function failureOf(call: string, answer: Received): ApiRefused | ApiAway {
  const problem = problemIn(answer)
  const later = answer.status === 429 || answer.status === 408
  if (answer.status >= 500 || answer.status < 400 || later) {
    const text = `${call} failed: ${answer.status} ${problem ? describe(problem) : ''}`.trimEnd()
    return new ApiAway(text, undefined, retryAfter(answer))
  }
  return new ApiRefused(call, answer.status, problem)
}

function problemIn(answer: Received): Problem | null {
  try {
    return Problem.parse(JSON.parse(answer.body.toString()))
  } catch {
    // Not from the API, whose rejections have a code.
    return null
  }
}

const describe = (problem: Problem): string =>
  [
    `${problem.code}: ${problem.detail}`,
    ...(problem.errors ?? []).map((at) => `${at.path} ${at.message}`),
  ].join('; ')

function retryAfter(answer: Received): number | null {
  const seconds = Number(answer.headers['retry-after'])
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 60) * 1000 : null
}
