import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { proxyEnv } from './proxy.ts'

export type Sent = {
  method: string
  url: string
  headers: Record<string, string>
  body?: Buffer | { stream: Readable; size: number }
  /** Milliseconds without a byte after which the connection is closed. */
  idleMs: number
  /** Milliseconds for the whole exchange, even while bytes trickle. */
  wholeMs?: number
  signal?: AbortSignal
}
export type Received = { status: number; headers: IncomingMessage['headers']; body: Buffer }

/** Limits for an object store, which may verify a whole upload before it answers. */
export const storeIdleMs = 20_000

/** Connections kept open between requests: a claim costs one round trip. Plain `node:http` is half of fetch's cost. */
const kept = { keepAlive: true, scheduling: 'lifo', proxyEnv: proxyEnv(process.env) } as const
const agents = { 'http:': new HttpAgent(kept), 'https:': new HttpsAgent(kept) }

/** Sends one request and reads the whole answer. Rejects on every connection failure. */
export async function exchange(sent: Sent): Promise<Received> {
  const { request, answer } = begin(sent)
  let late: Error | undefined
  const giveUp = () => {
    late = new Error(`no whole answer in ${sent.wholeMs} ms`)
    request.destroy(late)
  }
  const timer = sent.wholeMs && setTimeout(giveUp, sent.wholeMs)
  try {
    const response = await answer
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    if (!response.complete) throw new Error('the answer was cut off')
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
  } catch (error) {
    if (!sent.signal?.aborted) distrustIdle(new URL(sent.url))
    throw late ?? error
  } finally {
    clearTimeout(timer)
  }
}

/** Closes all idle connections: after a sleep most of them are dead. */
export function forgetConnections(): void {
  for (const { freeSockets } of Object.values(agents))
    for (const socket of Object.values(freeSockets).flat()) socket?.destroy()
}

/** Closes the idle connections to this host: after one failed, most others are dead too. */
function distrustIdle({ protocol, hostname, port }: URL): void {
  const { freeSockets } = protocol === 'https:' ? agents['https:'] : agents['http:']
  const host = hostname.replace(/^\[|\]$/g, '')
  const name = `${host}:${port || (protocol === 'https:' ? 443 : 80)}:`
  for (const [key, sockets] of Object.entries(freeSockets))
    if (key.startsWith(name)) for (const socket of sockets ?? []) socket.destroy()
}

/**
 * Sends one request; the caller reads or destroys the answer's body. Also aborts a trickling exchange: a new connection
 * may be faster, and a connection that is never silent would otherwise wait without limit.
 */
export const open = (sent: Sent): Promise<IncomingMessage> => begin(sent).answer

function begin(sent: Sent): { request: ClientRequest; answer: Promise<IncomingMessage> } {
  const url = new URL(sent.url)
  const secure = url.protocol === 'https:'
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = (secure ? httpsRequest : httpRequest)(url, {
    method: sent.method,
    headers: { ...sent.headers, ...lengthOf(sent) },
    agent: secure ? agents['https:'] : agents['http:'],
    timeout: sent.idleMs,
    signal: sent.signal,
  })
  request.once('response', resolve)
  request.on('error', (error) => {
    if (!sent.signal?.aborted) distrustIdle(url)
    reject(error)
  })
  request.once('timeout', () => request.destroy(new Error(`no answer for ${sent.idleMs} ms`)))
  watchPace(request, 2 * sent.idleMs)
  if (sent.body === undefined || Buffer.isBuffer(sent.body)) request.end(sent.body)
  else
    pipeline(sent.body.stream, request).catch((error: unknown) => {
      // A server may answer (412, 403) and close before it has read everything; then its answer counts.
      setImmediate(() => reject(error))
    })
  return { request, answer: promise }
}

const leastBytes = 4096

/** Aborts a request that moved almost no bytes within a time window; checks window after window until the end. */
function watchPace(request: ClientRequest, windowMs: number): void {
  let before = 0
  const timer = setInterval(() => {
    const { bytesWritten = 0, bytesRead = 0 } = request.socket ?? {}
    const moved = bytesWritten + bytesRead
    if (moved - before < leastBytes) request.destroy(new Error(`too slow: less than 4 KiB in ${windowMs} ms`))
    before = moved
  }, windowMs)
  request.once('close', () => clearInterval(timer))
}

function lengthOf({ method, body }: Sent): Record<string, string> {
  if (body === undefined) return method === 'GET' ? {} : { 'content-length': '0' }
  return { 'content-length': String(Buffer.isBuffer(body) ? body.length : body.size) }
}
