import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export type Sent = {
  method: string
  url: string
  headers: Record<string, string>
  body?: Buffer | { stream: Readable; size: number }
  /** Milliseconds without any byte moving after which the connection is given up. */
  idleMs: number
  signal?: AbortSignal
}
export type Received = { status: number; headers: IncomingMessage['headers']; body: Buffer }

/** Connections kept open between requests: a claim costs one round trip. Plain `node:http` is half of fetch's cost. */
const agents = {
  'http:': new HttpAgent({ keepAlive: true, scheduling: 'lifo' }),
  'https:': new HttpsAgent({ keepAlive: true, scheduling: 'lifo' }),
}

/** Sends one request and reads the whole answer. Rejects on any failure of the connection. */
export async function exchange(sent: Sent): Promise<Received> {
  const response = await open(sent)
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  if (!response.complete) throw new Error('the answer was cut off')
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
}

/** Sends one request; the answer's body is still to be read (or destroyed) by the caller. */
export function open(sent: Sent): Promise<IncomingMessage> {
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
  request.on('error', reject)
  request.once('timeout', () => request.destroy(new Error(`no answer for ${sent.idleMs} ms`)))
  if (sent.body === undefined || Buffer.isBuffer(sent.body)) request.end(sent.body)
  else
    pipeline(sent.body.stream, request).catch((error: unknown) => {
      // A server may answer (412, 403) and close before it has read everything: its answer counts then.
      setImmediate(() => reject(error))
    })
  return promise
}

function lengthOf({ method, body }: Sent): Record<string, string> {
  if (body === undefined) return method === 'GET' ? {} : { 'content-length': '0' }
  return { 'content-length': String(Buffer.isBuffer(body) ? body.length : body.size) }
}
