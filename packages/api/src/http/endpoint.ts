import type { Scope } from '@millrace/shared'
import type { z } from 'zod'
import { Failure } from '../failure.ts'
import type { BodyLimit } from './body-size.ts'
import type { Ctx } from './env.ts'
import { parseBody, parseQuery } from './parse-input.ts'
import { readBody } from './read-body.ts'

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
type Answers = Record<number, { description: string; schema?: z.ZodType }>

/** One path and method: what it takes, who may call it, what it answers, and what it does. */
export type Endpoint = {
  method: Method
  path: string
  scope: Scope | 'none'
  summary: string
  tag: string
  query?: z.ZodType
  body?: z.ZodType
  bodyLimit: BodyLimit
  answers: Answers
  /** A repeated request with the same `Idempotency-Key` is not carried out twice. */
  idempotent: boolean
  /** A grant's token may call it too, and sees and makes only what is the grant's. */
  openToGrants: boolean
  /** How a change that somebody makes through it is called in the audit list; null: it is told elsewhere. */
  audit: string | null
  handle(c: Ctx): Promise<Response>
}

type Spec<Q extends z.ZodType, B extends z.ZodType> = {
  method: Method
  path: string
  scope: Scope | 'none'
  summary: string
  tag: string
  query?: Q
  body?: B
  /** What a grant's token may send, where that is less. */
  bodyUnderGrant?: z.ZodType<z.output<B>>
  bodyLimit?: BodyLimit
  answers: Answers
  idempotent?: boolean
  openToGrants?: boolean
  audit?: string
  /** What of the body stands there too. Never a secret, nor what may hold one: a URL, inputs. */
  auditDetail?(body: z.output<B>): Record<string, unknown>
  handle(c: Ctx, input: { query: z.output<Q>; body: z.output<B> }): Promise<Response> | Response
}

/** Declares an endpoint. Query and body reach the handler parsed; all faults in them, up to a hundred, are listed in one 422. */
export function endpoint<Q extends z.ZodType = z.ZodUndefined, B extends z.ZodType = z.ZodUndefined>(
  spec: Spec<Q, B>,
): Endpoint {
  return {
    ...spec,
    bodyLimit: spec.bodyLimit ?? 'usual',
    idempotent: spec.idempotent ?? false,
    openToGrants: spec.openToGrants ?? false,
    audit: spec.audit ?? null,
    async handle(c) {
      const query = spec.query ? parseQuery(spec.query, c.req.query()) : undefined
      const bodySchema = (isUnderGrant(c) && spec.bodyUnderGrant) || spec.body
      const body = bodySchema ? await parseBody(bodySchema, await readBody(c)) : undefined
      const input = { query, body } as { query: z.output<Q>; body: z.output<B> }
      if (spec.auditDetail) c.set('auditDetail', spec.auditDetail(input.body))
      return spec.handle(c, input)
    },
  }
}

/** Nobody is known where no key is needed. */
const isUnderGrant = (c: Ctx): boolean => Boolean(c.var.principal?.grant)

/** An id in a path that cannot be one is simply not there. */
export function pathId<S extends z.ZodType>(c: Ctx, schema: S, what: string): z.output<S> {
  const parsed = schema.safeParse(c.req.param('id'))
  if (parsed.success) return parsed.data
  throw new Failure('not_found', `There is no ${what} here that this key may see.`)
}

/** Whether a path is of this pattern; `:name` stands for one part of it that is not empty. */
export function leadsTo(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const given = path.split('/')
  return (
    wanted.length === given.length &&
    wanted.every((part, at) => (part.startsWith(':') ? given[at] !== '' : part === given[at]))
  )
}
