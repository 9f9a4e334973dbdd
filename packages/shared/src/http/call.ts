import type { z } from 'zod'
import type { Scope } from './scope.ts'
import type { Tag } from './tags.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Body limits: for most requests; for those with a value, since values and inputs may have 1 MiB; for many tasks or lines. */
export type BodyLimit = 'usual' | 'value' | 'bulk'

/** The answer with one status: JSON, lines of JSON, server-sent events, plain text, or nothing. */
export type Answer = {
  description: string
  json?: z.ZodType
  /** Each line is one of these (`application/x-ndjson`). */
  lines?: z.ZodType
  /** The schema of the data of each event, by the event's name. */
  events?: Record<string, z.ZodType>
  /** Plain text of this media type. */
  text?: string
}

/** An endpoint: everything that server, clients, OpenAPI and `/docs` need. */
export type Call = {
  method: Method
  path: `/${string}`
  tag: Tag
  summary: string
  scope: Scope | 'none'
  /** One schema for each `{name}` in the path. */
  params?: Record<string, z.ZodType>
  /** The object that the path names, for the text of a 404. */
  subject?: string
  query?: z.ZodType
  body?: z.ZodType
  /** A body as a caller may send it. */
  example?: unknown
  /** The body that a grant's token may send, where it is narrower. */
  bodyUnderGrant?: z.ZodType
  bodyLimit?: BodyLimit
  /** The API executes a request with the same `Idempotency-Key` only once. */
  idempotent?: true
  /** A grant's token may call it too; it sees and creates only objects of the grant. */
  openToGrants?: true
  /** Its action in the audit list. */
  audit?: string
  answers: Record<number, Answer>
}

/** Endpoints by their OpenAPI operation ids. */
export type Calls = Record<string, Call>

/** An endpoint as a client names it: `GET /api/tasks/{id}`. */
export type RouteOf<C extends Call> = `${C['method']} ${C['path']}`

export type ParamsOf<C> = C extends { params: infer Params extends Record<string, z.ZodType> }
  ? { [Name in keyof Params]: z.output<Params[Name]> }
  : undefined

/** The body as a caller writes it, where fields with a default are optional. */
export type BodyOf<C> = C extends { body: infer Body extends z.ZodType } ? z.input<Body> : undefined

/** The names of its query parameters. */
export type QueryKeyOf<C> = C extends { query: infer Query extends z.ZodType }
  ? Extract<keyof z.output<Query>, string>
  : never

/** The result of a call: the JSON of any of its answers, `null` for one without a body. */
export type AnswerOf<C extends Call> = {
  [Status in keyof C['answers']]: C['answers'][Status] extends { json: infer Json extends z.ZodType }
    ? z.output<Json>
    : null
}[keyof C['answers']]
