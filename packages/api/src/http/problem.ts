import { jsonBytes, type Problem, type ProblemCode, problems } from '@millrace/shared'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { BusAway } from '../bus/bus.ts'
import { Failure, type FieldError, mostFaults } from '../failure.ts'
import { isObjectStoreAway } from '../objects/objects.ts'
import { DocumentTooLarge, isDatabaseAway } from '../store/collection.ts'
import type { Ctx } from './env.ts'

/** The only place that turns errors into problem+json. */
export function answerFailure(error: unknown, c: Ctx): Response {
  const failure = asFailure(error)
  if (failure.code === 'internal') c.var.logger?.error({ err: error }, 'unexpected error')
  if (failure.code === 'unavailable') c.var.logger?.warn({ err: error }, 'a server is unreachable')
  if (failure.retryAfterSeconds !== undefined) c.header('Retry-After', String(failure.retryAfterSeconds))
  return answerProblem(c, failure.code, failure.message, failure)
}

export function answerProblem(
  c: Ctx,
  code: ProblemCode,
  detail: string,
  { errors, status: otherStatus }: { errors?: FieldError[]; status?: number } = {},
): Response {
  const [tableStatus, title] = problems[code]
  const status = otherStatus ?? tableStatus
  const problem: Problem = {
    type: `https://millrace.dev/problems/${code}`,
    title,
    status,
    code,
    detail: cut(detail, longest.detail),
    requestId: c.var.requestId,
    errors: errors && someOf(errors),
  }
  // c.body keeps the headers set so far: request id, CORS, Retry-After.
  c.header('Content-Type', 'application/problem+json')
  return c.newResponse(JSON.stringify(problem), status as ContentfulStatusCode)
}

/** Bytes of JSON. A request may cause megabytes of faults, with names of any length. */
const longest = { detail: 4 * 1024, path: 512, message: 1024, errors: 48 * 1024 }

function someOf(errors: readonly FieldError[]): FieldError[] {
  let bytes = 0
  const short = errors
    .slice(0, mostFaults)
    .map(({ path, message }) => ({ path: cut(path, longest.path), message: cut(message, longest.message) }))
  return short.filter((error) => {
    bytes += jsonBytes(error)
    return bytes <= longest.errors
  })
}

/** The beginning of a text whose JSON has at most this many bytes. */
function cut(text: string, most: number): string {
  let start = text.slice(0, most)
  const isWhole = start.length === text.length
  if (isWhole && jsonBytes(start) <= most) return text
  while (jsonBytes(start) > most - 8) start = start.slice(0, Math.floor(start.length * 0.9))
  return `${start.toWellFormed()}…`
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  if (error instanceof HTTPException) {
    return new Failure(
      error.status === 400 ? 'invalid_json' : 'internal',
      error.message || 'The request could not be read.',
    )
  }
  if (isDatabaseAway(error)) {
    return new Failure('unavailable', 'The database cannot be reached. Try again.', {
      retryAfterSeconds: 2,
      cause: error,
    })
  }
  if (error instanceof DocumentTooLarge) {
    return new Failure(
      'payload_too_large',
      'The stored document would exceed 16 MiB. Send less, or upload large values as files.',
      { cause: error },
    )
  }
  if (isObjectStoreAway(error))
    return new Failure('unavailable', 'The object store cannot be reached. Try again.', {
      retryAfterSeconds: 2,
      cause: error,
    })
  if (error instanceof BusAway)
    return new Failure('unavailable', 'NATS, which carries the lines, cannot be reached. Try again.', {
      retryAfterSeconds: 2,
      cause: error,
    })
  return new Failure('internal', 'Internal error. The log of the API has details under this request id.', {
    cause: error,
  })
}
