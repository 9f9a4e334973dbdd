import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { observe } from '../../../infra/fixtures/store/capability.ts'
import { freshKey, type OpenStore, objectStores, openStore } from '../../support/object-stores.ts'

const size = 6_000_000
type Signed = { url: string; headers: Record<string, string> }

describe.each(objectStores)('%s: a body that ends early', (name, start) => {
  let store: OpenStore
  beforeAll(async () => {
    store = await openStore(start)
  })
  afterAll(() => store?.close())
  beforeEach(() => observe(name, 'bodies that end early refused', true))

  describe.each(['closed', 'reset'] as const)('by a connection that is %s', (how) => {
    test.each([100, 3_000_000, size - 1])('after %i bytes leaves no object', async (sent) => {
      const key = freshKey()
      await sendPartly(await store.objects.presignPut(key, { size, contentType: 'text/plain' }), sent, how)
      expect(await store.objects.head(key)).toBeNull()
    })

    test('leaves no part, and the part can be sent again', async () => {
      const key = freshKey()
      const { multipart } = store.objects
      const upload = await multipart.begin(key, { contentType: 'text/plain', checksums: false })
      const signed = await multipart.presign(key, upload, { partNumber: 1, size })
      await sendPartly(signed, 3_000_000, how)
      expect(await multipart.list(key, upload)).toEqual([])
      const whole = await fetch(signed.url, {
        method: 'PUT',
        headers: signed.headers,
        body: new Uint8Array(size).fill(97),
      })
      expect(whole.status).toBe(200)
      expect(await multipart.list(key, upload)).toMatchObject([{ partNumber: 1, size }])
      await multipart.abort(key, upload)
    })
  })
})

/** Announces `size` bytes, sends fewer, and ends the connection; returns when the store has ended it too. */
async function sendPartly({ url, headers }: Signed, sent: number, how: 'closed' | 'reset'): Promise<void> {
  const { hostname, port, host, pathname, search } = new URL(url)
  const socket = connect(Number(port), hostname)
  const closed = new Promise((done) => socket.once('close', done))
  socket.on('error', () => undefined) // the store may reset it
  socket.resume()
  const lines = Object.entries({ host, ...headers, 'content-length': String(size) })
  socket.write(
    `PUT ${pathname}${search} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  )
  await Promise.race([closed, new Promise((written) => socket.write(Buffer.alloc(sent, 'a'), written))])
  if (how === 'closed') socket.end()
  else socket.resetAndDestroy()
  await closed
}
