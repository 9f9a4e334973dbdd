import type { z } from 'zod'
import type { Scope } from './scope.ts'
import type { Tag } from './tags.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Most bytes of a body: of most requests; of those with a value, as values and inputs may have 1 MiB; of many tasks or lines. */
export type BodyLimit = 'usual' | 'value' | 'bulk'

/** What comes back with one status: JSON, lines of JSON, server-sent events, plain text, or nothing. */
export type Answer = {
  description: string
  json?: z.ZodType
  /** Each line is one of these (`application/x-ndjson`). */
  lines?: z.ZodType
  /** By the name of the event: what its data is. */
  events?: Record<string, z.ZodType>
  /** Plain text of this media type. */
  text?: string
}

/** An endpoint: all that server, clients, OpenAPI and `/docs` have to know of it. */
export type Call = {
  method: Method
  path: `/${string}`
  tag: Tag
  summary: string
  scope: Scope | 'none'
  /** One schema for each `{name}` in the path. */
  params?: Record<string, z.ZodType>
  /** What the path names, in the words of a 404. */
  subject?: string
  query?: z.ZodType
  body?: z.ZodType
  /** A body as a caller may send it. */
  example?: unknown
  /** What a grant's token may send, where that is less. */
  bodyUnderGrant?: z.ZodType
  bodyLimit?: BodyLimit
  /** A repeated request with the same `Idempotency-Key` is not carried out twice. */
  idempotent?: true
  /** A grant's token may call it too, and sees and makes only what is the grant's. */
  openToGrants?: true
  /** The action under which the audit list has it. */
  audit?: string
  answers: Record<number, Answer>
}

/** Endpoints by the names that OpenAPI gives them. */
export type Calls = Record<string, Call>

/** An endpoint as a client names it: `GET /api/tasks/{id}`. */
export type RouteOf<C extends Call> = `${C['method']} ${C['path']}`

export type ParamsOf<C> = C extends { params: infer Params extends Record<string, z.ZodType> }
  ? { [Name in keyof Params]: z.output<Params[Name]> }
  : undefined

/** The body as a caller writes it: everything with a default may be left out. */
export type BodyOf<C> = C extends { body: infer Body extends z.ZodType } ? z.input<Body> : undefined

/** The names of its query parameters. */
export type QueryKeyOf<C> = C extends { query: infer Query extends z.ZodType }
  ? Extract<keyof z.output<Query>, string>
  : never

/** What a call resolves with: the JSON of any of its answers, `null` where one has no body. */
export type AnswerOf<C extends Call> = {
  [Status in keyof C['answers']]: C['answers'][Status] extends { json: infer Json extends z.ZodType }
    ? z.output<Json>
    : null
}[keyof C['answers']]
