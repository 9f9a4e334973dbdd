import type { ProblemCode } from '@millrace/shared'

export type FieldError = { path: string; message: string }

/** The most faults that an answer lists. */
export const mostFaults = 100

/** A failure that the caller receives: thrown anywhere, turned into problem+json in one place. */
export class Failure extends Error {
  readonly code: ProblemCode
  readonly errors: FieldError[] | undefined
  readonly status: number | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ProblemCode,
    detail: string,
    more: { errors?: FieldError[]; status?: number; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause })
    this.name = 'Failure'
    this.code = code
    this.errors = more.errors?.slice(0, mostFaults)
    this.status = more.status
    this.retryAfterSeconds = more.retryAfterSeconds
  }
}

export const notFound = (what: string): Failure =>
  new Failure('not_found', `No such ${what} is visible to this key.`)
