import type { BodyLimit, Call, ParamsOf, Scope } from '@millrace/shared'
import type { z } from 'zod'
import { notFound } from '../failure.ts'
import type { Ctx } from './env.ts'
import { parseBody, parseQuery } from './parse-input.ts'
import { readBody } from './read-body.ts'

/** A call of the contract as this API serves it. */
export type Endpoint = {
  method: Call['method']
  /** As Hono writes it: `/api/tasks/:id`. */
  path: string
  scope: Scope | 'none'
  bodyLimit: BodyLimit
  idempotent: boolean
  openToGrants: boolean
  /** Its action in the audit list; null: not audited. */
  audit: string | null
  /** The parameter of the path that names what it changes. */
  subject: string | undefined
  handle(c: Ctx): Promise<Response>
}

type OutputOf<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined
type Input<C extends Call> = { params: ParamsOf<C>; query: OutputOf<C['query']>; body: OutputOf<C['body']> }
type Handler<C extends Call> = (c: Ctx, input: Input<C>) => Promise<Response> | Response
type More<C extends Call> = {
  /** The parts of the body for the audit list. Never a secret, nor a field that may contain one: a URL, inputs. */
  auditDetail?(body: Input<C>['body']): Record<string, unknown>
}

/** Serves a call. The handler gets parsed input; one 422 lists all faults of query or body, up to a hundred. */
export function endpoint<C extends Call>(call: C, handle: Handler<C>, more: More<C> = {}): Endpoint {
  const { method, scope, bodyLimit = 'usual', idempotent = false, openToGrants = false, audit = null } = call
  return {
    ...{ method, scope, bodyLimit, idempotent, openToGrants, audit },
    subject: Object.keys(call.params ?? {})[0],
    path: call.path.replace(/\{(\w+)\}/g, ':$1'),
    async handle(c) {
      const query = call.query && parseQuery(call.query, c.req.query())
      const bodySchema = (isUnderGrant(c) && call.bodyUnderGrant) || call.body
      const body = bodySchema && (await parseBody(bodySchema, await readBody(c)))
      const input = { query, body, params: parseParams(c, call) } as Input<C>
      if (more.auditDetail) c.set('auditDetail', more.auditDetail(input.body))
      return handle(c, input)
    },
  }
}

/** Endpoints without a key have no principal. */
const isUnderGrant = (c: Ctx): boolean => Boolean(c.var.principal?.grant)

/** A malformed id in a path is a 404. */
function parseParams(c: Ctx, { params = {}, subject = 'thing' }: Call): Record<string, unknown> {
  const given: Record<string, string> = c.req.param()
  return Object.fromEntries(
    Object.entries(params).map(([name, schema]) => {
      const parsed = schema.safeParse(given[name])
      if (!parsed.success) throw notFound(subject)
      return [name, parsed.data]
    }),
  )
}

/** Whether a path matches this pattern; `:name` stands for one nonempty part. */
export function leadsTo(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const given = path.split('/')
  return (
    wanted.length === given.length &&
    wanted.every((part, at) => (part.startsWith(':') ? given[at] !== '' : part === given[at]))
  )
}
