import { apiErrorOf } from './api-error.ts'
import type { Calls } from './contract.gen.ts'

export type ApiOptions = { url: string; key: string; fetch?: typeof fetch; signal?: AbortSignal }
type Route = keyof Calls
type Query = { [name: string]: string | number | undefined }
export type BodyAt<R extends Route> = Calls[R] extends { body: infer Body } ? Body : undefined
export type QueryAt<R extends Route> = Calls[R] extends { query: infer Query } ? Query : Record<never, never>

export type Sending = {
  query?: Query
  body?: unknown
  idempotencyKey?: string
  lastEventId?: string
  signal?: AbortSignal
}
type Addressed = Sending & { params?: Record<string, string> }
type Given<R extends Route> = Addressed & { query?: QueryAt<R> } & (Calls[R] extends { params: infer Params }
    ? { params: Params }
    : { params?: never }) &
  (Calls[R] extends { body: infer Body } ? { body: Body } : { body?: never })
/** May be left out where a call needs none of it. */
type GivenAt<R extends Route> =
  Record<string, never> extends Given<R> ? [sending?: Given<R>] : [sending: Given<R>]

export type Api = ReturnType<typeof openApi>

/** The calls of the contract, by method and path; the compiler knows what each takes and answers. */
export function openApi(options: ApiOptions) {
  const { fetch: doFetch = fetch } = options
  const base = addressOf(options.url)

  /** Throws `ApiError` for every answer that is no success. */
  async function send(method: string, path: string, sending: Sending = {}): Promise<Response> {
    const { query = {}, body, idempotencyKey, lastEventId, signal = options.signal } = sending
    const url = new URL(base + path)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value))
    const response = await doFetch(url, {
      method,
      signal,
      headers: {
        authorization: `Bearer ${options.key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(idempotencyKey ? { 'idempotency-key': idempotencyKey } : {}),
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    if (!response.ok) throw await apiErrorOf(response)
    return response
  }

  /** The answer as it comes: of streams, and of what is no JSON. */
  function open<R extends Route>(route: R, ...[sending]: GivenAt<R>): Promise<Response> {
    const { params = {}, ...rest }: Addressed = sending ?? {}
    const [method = '', path = ''] = route.split(' ')
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
    return send(method, filled, rest)
  }

  /** The JSON of an answer; `null` for one that has no content. */
  async function call<R extends Route>(route: R, ...given: GivenAt<R>): Promise<Calls[R]['answer']> {
    const response = await open(route, ...given)
    const text = await response.text()
    try {
      return JSON.parse(response.status === 204 ? 'null' : text)
    } catch {
      throw new Error(`${route} answered ${response.status} without JSON: "${text.slice(0, 200)}"`)
    }
  }

  return { base, doFetch, key: options.key, send, open, call }
}

/** A page may give a path of its server. */
function addressOf(given: string): string {
  const page = globalThis.location?.href
  if (!URL.canParse(given, page))
    throw new Error(`url is "${given}". Give the whole address, such as "https://millrace.example".`)
  return new URL(given, page).href.replace(/\/$/, '')
}
