import { type Problem, type ProblemCode, problems } from '@millrace/shared'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { BusAway } from '../bus/bus.ts'
import { Failure, type FieldError } from '../failure.ts'
import { isObjectStoreAway } from '../objects/objects.ts'
import { isDatabaseAway } from '../store/collection.ts'
import type { Ctx } from './env.ts'

/** Everything that was thrown becomes problem+json here, and nowhere else. */
export function answerFailure(error: unknown, c: Ctx): Response {
  const failure = asFailure(error)
  if (failure.code === 'internal') c.var.logger?.error({ err: error }, 'unexpected error')
  if (failure.code === 'unavailable') c.var.logger?.warn({ err: error }, 'a server is away')
  if (failure.retryAfterSeconds !== undefined) c.header('Retry-After', String(failure.retryAfterSeconds))
  return answerProblem(c, failure.code, failure.message, failure.errors, failure.status)
}

export function answerProblem(
  c: Ctx,
  code: ProblemCode,
  detail: string,
  errors?: FieldError[],
  otherStatus?: number,
): Response {
  const [tableStatus, title] = problems[code]
  const status = otherStatus ?? tableStatus
  const problem: Problem = {
    type: `https://millrace.dev/problems/${code}`,
    title,
    status,
    code,
    detail,
    requestId: c.var.requestId,
    errors,
  }
  // c.body keeps the headers that were set so far: request id, CORS, Retry-After.
  c.header('Content-Type', 'application/problem+json')
  return c.newResponse(JSON.stringify(problem), status as ContentfulStatusCode)
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
  return new Failure('internal', 'Something went wrong on our side. The log has it under this request id.', {
    cause: error,
  })
}
