import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Accepted, Probe } from './forgery-probe.ts'
import { incomingKey } from './keys.ts'
import type { PresignedPut } from './objects.ts'

const size = 1024 * 1024
const sent = size / 2
const answerWithinMs = 10_000

/**
 * An upload whose sender closes the connection half-way through the body. A store that keeps it loses bytes silently:
 * versitygw 1.8.0 lists such a part at its full size.
 */
export async function sendCutBody({ store, item }: Probe): Promise<Accepted[]> {
  const key = incomingKey(item, 99)
  await sendHalf(await store.presignPut(key, { size, contentType: 'text/plain' }))
  const kept = await store.head(key)
  if (!kept) return []
  return [{ request: 'presigned PUT whose body ends early', evidence: `${kept.size} bytes were kept` }]
}

async function sendHalf({ url, headers }: PresignedPut): Promise<void> {
  const { protocol, hostname, port, host, pathname, search } = new URL(url)
  const isPlain = protocol === 'http:'
  const where = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (isPlain ? 80 : 443) }
  const socket = isPlain ? connectPlain(where) : connectTls({ ...where, servername: hostname })
  const signal = AbortSignal.timeout(answerWithinMs)
  try {
    const lines = Object.entries({ host, ...headers, 'content-length': String(size) })
    socket.write(`PUT ${pathname}${search} HTTP/1.1\r\n`)
    socket.write(`${lines.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`)
    socket.resume()
    socket.end(Buffer.alloc(sent, 'a'))
    if (!socket.closed) await once(socket, 'close', { signal })
  } catch {
    // The store may close the connection or keep it open: only the object shows whether it accepted the body.
  } finally {
    socket.on('error', () => undefined).destroy()
  }
}
