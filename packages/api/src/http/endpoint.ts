import type { Scope } from '@millrace/shared'
import type { z } from 'zod'
import { Failure } from '../failure.ts'
import { pointer } from '../pointer.ts'
import type { Ctx } from './env.ts'
import { readBody } from './read-body.ts'

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
export type Answers = Record<number, { description: string; schema?: z.ZodType }>

/** One path and method: what it takes, who may call it, what it answers, and what it does. */
export type Endpoint = {
  method: Method
  path: string
  scope: Scope | 'none'
  summary: string
  tag: string
  query?: z.ZodType
  body?: z.ZodType
  answers: Answers
  /** A repeated request with the same `Idempotency-Key` is not carried out twice. */
  idempotent: boolean
  /** A grant's token may call it too, and sees and makes only what is the grant's. */
  openToGrants: boolean
  /** It starts before the caller is known, and awaits `allowed` before it writes or tells anything. */
  looksAhead: boolean
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
  answers: Answers
  idempotent?: boolean
  openToGrants?: boolean
  looksAhead?: boolean
  audit?: string
  /** What of the body stands there too. Never a secret, nor what may hold one: a URL, inputs. */
  auditDetail?(body: z.output<B>): Record<string, unknown>
  handle(c: Ctx, input: { query: z.output<Q>; body: z.output<B> }): Promise<Response> | Response
}

/** Declares an endpoint. Query and body reach the handler parsed; every fault in them is listed in one 422. */
export function endpoint<Q extends z.ZodType = z.ZodUndefined, B extends z.ZodType = z.ZodUndefined>(
  spec: Spec<Q, B>,
): Endpoint {
  return {
    ...spec,
    idempotent: spec.idempotent ?? false,
    openToGrants: spec.openToGrants ?? false,
    looksAhead: spec.looksAhead ?? false,
    audit: spec.audit ?? null,
    async handle(c) {
      const query = spec.query ? parse(spec.query, c.req.query(), 'query') : undefined
      const bodySchema = (isUnderGrant(c) && spec.bodyUnderGrant) || spec.body
      const body = bodySchema ? parse(bodySchema, await readBody(c), 'body') : undefined
      const input = { query, body } as { query: z.output<Q>; body: z.output<B> }
      if (spec.auditDetail) c.set('auditDetail', spec.auditDetail(input.body))
      return spec.handle(c, input)
    },
  }
}

/** Not known yet where an endpoint looks ahead; none of those is open to grants. */
const isUnderGrant = (c: Ctx): boolean => Boolean(c.var.principal?.grant)

function parse<S extends z.ZodType>(schema: S, raw: unknown, what: 'query' | 'body'): z.output<S> {
  const parsed = schema.safeParse(raw)
  if (parsed.success) return parsed.data
  const errors = parsed.error.issues
    .flatMap(flatten)
    .map((issue) => ({ path: pointer(issue.path), message: issue.message }))
  const detail = errors.map(({ path, message }) => `${path || 'it'}: ${message}`).join('; ')
  throw new Failure('invalid_request', `The ${what} is not valid: ${detail}.`, { errors })
}

type Issue = Pick<z.core.$ZodIssue, 'path' | 'message'>

/** Of a union that nothing fits, the alternative that comes nearest tells the caller most. */
function flatten(issue: z.core.$ZodIssue): Issue[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: 'is not known here' }))
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue]
  const nearest = issue.errors
    .map((errors) => errors.flatMap(flatten))
    .sort((a, b) => missingAtTop(a) - missingAtTop(b) || a.length - b.length)[0]
  return (nearest ?? []).map((inner) => ({ path: [...issue.path, ...inner.path], message: inner.message }))
}

const missingAtTop = (issues: Issue[]): number => issues.filter((issue) => issue.path.length <= 1).length

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
