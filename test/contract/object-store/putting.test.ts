import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { observe } from '../../../infra/fixtures/store/capability.ts'
import { freshKey, type OpenStore, objectStores, openStore, written } from '../../support/object-stores.ts'
import { bytesOf, put, sha256Of, type Upload } from '../../support/upload-by-hand.ts'

const hello = bytesOf('hello')
const plain = { size: 5, contentType: 'text/plain' }
const base64 = (sha256: string) => Buffer.from(sha256, 'hex').toString('base64')

describe.each(objectStores)('%s: a presigned PUT', (name, start, can) => {
  let store: OpenStore
  beforeAll(async () => {
    store = await openStore(start)
  })
  afterAll(() => store.close())
  afterEach(() => {
    vi.useRealTimers()
  })

  async function signed(promised: Parameters<OpenStore['objects']['presignPut']>[1]) {
    const key = freshKey()
    return { key, upload: await store.objects.presignPut(key, promised) }
  }

  test('takes the promised bytes under the promised type', async () => {
    const { key, upload } = await signed({ size: 6, contentType: 'text/plain; charset=utf-8' })
    expect(await put(upload, bytesOf('grüß'))).toBe(200)
    const there = { size: 6, contentType: 'text/plain; charset=utf-8', sha256: null }
    expect(await store.objects.head(key)).toEqual(there)
    expect(await store.see(key)).toEqual({ size: 6, type: there.contentType, text: 'grüß', more: {} })
  })

  test('takes bytes of the promised checksum; the store has verified it and keeps it', async () => {
    const { key, upload } = await signed({ ...plain, sha256: sha256Of(hello) })
    expect(upload.headers['x-amz-checksum-sha256']).toBe(base64(sha256Of(hello)))
    expect(await put(upload, hello)).toBe(200)
    expect(await store.objects.head(key)).toEqual({ ...plain, sha256: sha256Of(hello) })
    expect(await store.see(key)).toMatchObject({ size: 5, text: 'hello' })
  })

  test('takes nothing at all, when that was promised', async () => {
    for (const sha256 of [undefined, sha256Of(bytesOf(''))]) {
      const { key, upload } = await signed({ ...plain, size: 0, sha256 })
      expect(await put(upload, bytesOf('a'))).toBe(403)
      expect(await store.see(key)).toBeNull()
      expect(await put(upload, bytesOf(''))).toBe(200)
      expect(await store.objects.head(key)).toEqual({ ...plain, size: 0, sha256: sha256 ?? null })
      expect(await store.see(key)).toEqual({ size: 0, type: 'text/plain', text: '', more: {} })
    }
  })

  test('refuses fewer bytes, more bytes, and another type', async () => {
    observe(name, 'length signed', true)
    observe(name, 'content type signed', true)
    const { key, upload } = await signed(plain)
    expect(await put(upload, bytesOf('hell'))).toBe(403)
    expect(await put(upload, bytesOf('hello!'))).toBe(403)
    expect(await put(upload, hello, { 'content-type': 'text/html' })).toBe(403)
    expect(await store.see(key)).toBeNull()
    expect(await put(upload, hello)).toBe(200)
  })

  test('refuses other bytes than the checksum’s, and another checksum', async () => {
    observe(name, 'SHA-256 verified', true)
    const { key, upload } = await signed({ ...plain, sha256: sha256Of(hello) })
    const other = bytesOf('HELLO')
    expect(await put(upload, other)).toBe(400)
    expect(await put(upload, other, { 'x-amz-checksum-sha256': base64(sha256Of(other)) })).toBe(403)
    const { 'x-amz-checksum-sha256': checksum, ...rest } = upload.headers
    expect(checksum).toBeDefined()
    expect(refusals).toContain(await put({ ...upload, headers: rest }, other))
    expect(await store.see(key)).toBeNull()
    expect(await put(upload, hello)).toBe(200)
  })

  test('refuses metadata of one’s own, another key, and to do without the condition', async () => {
    const { key, upload } = await signed(plain)
    expect(refusals).toContain(await put(upload, hello, { 'x-amz-meta-owner': 'me' }))
    const elsewhere = { ...upload, url: upload.url.replace(key, `${key}0`) }
    expect(await put(elsewhere, hello)).toBe(403)
    const { 'if-none-match': condition, ...rest } = upload.headers
    expect(condition).toBe('*')
    expect(refusals).toContain(await put({ ...upload, headers: rest }, hello))
    expect([await store.see(key), await store.see(`${key}0`)]).toEqual([null, null])
  })

  test('opens nothing to everybody', async () => {
    const { key, upload } = await signed(plain)
    // MinIO takes it and does nothing: it knows no such rights. S3 refuses every x-amz-… that was not signed.
    const expected = can.refusesUnsignedAcl ? 403 : 200
    expect(await put(upload, hello, { 'x-amz-acl': 'public-read' })).toBe(expected)
    expect((await fetch(`${store.endpoint}/${store.bucket}/${key}`)).status).toBe(403)
  })

  test('works once: repeated it answers 412, and the first bytes stay', async () => {
    observe(name, 'single-use PUT (`If-None-Match: *`)', true)
    const { key, upload } = await signed(plain)
    expect(await put(upload, hello)).toBe(200)
    expect(await put(upload, bytesOf('HELLO'))).toBe(412)
    expect(await put(upload, hello)).toBe(412)
    expect(await store.see(key)).toMatchObject({ text: 'hello' })
  })

  test('may refuse many bytes before it has read them: 412, or a cut connection as with versitygw', async () => {
    const bytes = Buffer.alloc(8 * 1024 * 1024, 'a')
    const { key, upload } = await signed({ ...plain, size: bytes.byteLength })
    expect(await put(upload, bytes)).toBe(200)
    const again = await put(upload, Buffer.alloc(bytes.byteLength, 'b')).catch((error: Error) => error.cause)
    if (again !== 412) expect(again).toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) })
    expect((await store.see(key))?.text).toBe(bytes.toString())
  })

  test('sent by many at once keeps what one of them sent', async () => {
    const { key, upload } = await signed(plain)
    const texts = ['aaaaa', 'bbbbb', 'ccccc', 'ddddd']
    const answers = await Promise.all(texts.map((text) => put(upload, bytesOf(text))))
    const taken = texts.filter((_, at) => answers[at] === 200)
    // 409, as S3 has it: others are at it; 412 comes when they are done.
    expect(answers.filter((answer) => ![200, 409, 412].includes(answer))).toEqual([])
    expect(taken).toHaveLength(1)
    expect(await store.see(key)).toMatchObject({ text: taken[0] })
  })

  test('works until it expires', async () => {
    expect((await signed(plain)).upload.expiresAt.getTime()).toBeGreaterThan(Date.now() + 14 * 60_000)
    expect(await put(await minutesAgo(14), hello)).toBe(200)
    const late = await minutesAgo(16)
    expect(late.expiresAt.getTime()).toBeLessThan(Date.now())
    expect(await put(late, hello)).toBe(403)
    expect(await store.see(late.key)).toBeNull()
  })

  test('copies nothing: a named source is rejected, with a body or without', async () => {
    const source = await written(store, 'a secret')
    for (const [size, body] of [
      [5, hello],
      [0, bytesOf('')],
    ] as const) {
      const { key, upload } = await signed({ ...plain, size })
      for (const from of [`/${store.bucket}/${source}`, `${store.bucket}/${source}`])
        expect(refusals).toContain(await put(upload, body, { 'x-amz-copy-source': from }))
      expect(await store.see(key)).toBeNull()
    }
    expect(await store.see(source)).toMatchObject({ text: 'a secret' })
  })

  test('neither reads nor deletes', async () => {
    const { key, upload } = await signed(plain)
    expect(await put(upload, hello)).toBe(200)
    for (const method of ['GET', 'HEAD', 'DELETE'])
      expect(refusals, method).toContain(await status(method, upload))
    expect(await store.see(key)).toMatchObject({ text: 'hello' })
  })

  test('is sent by pages of the named origins, and by no others', async () => {
    observe(name, 'CORS origin with any port (`http://127.0.0.1:*`)', can.allowsEveryPort)
    const { upload } = await signed({ ...plain, sha256: sha256Of(hello) })
    const preflight = (origin: string) =>
      fetch(upload.url, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'PUT',
          'access-control-request-headers': Object.keys(upload.headers).join(','),
        },
      })
    const named = can.allowsEveryPort ? 'http://127.0.0.1:4321' : 'https://shop.example'
    const { status, headers } = await preflight(named)
    expect(status).toBeLessThan(300)
    expect(headers.get('access-control-allow-origin')).toBe(named)
    expect(headers.get('access-control-allow-methods')).toContain('PUT')
    expect(headers.get('access-control-allow-headers')?.toLowerCase().split(/, */)).toEqual(
      expect.arrayContaining(['content-type', 'if-none-match', 'x-amz-checksum-sha256']),
    )
    const allows = async (origin: string) =>
      (await preflight(origin)).headers.has('access-control-allow-origin')
    expect(await allows('https://evil.example')).toBe(false)
    expect(await allows('http://127.0.0.1:4321')).toBe(can.allowsEveryPort)
  })

  /** Signed by a clock that many minutes ago. */
  async function minutesAgo(minutes: number) {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - minutes * 60_000 })
    const { key, upload } = await signed(plain)
    vi.useRealTimers()
    return { key, ...upload }
  }
})

/** MinIO answers 400 where signed headers and those that came are not the same, versitygw 403 as S3 does. */
const refusals = [400, 403]

async function status(method: string, { url }: Upload): Promise<number> {
  const response = await fetch(url, { method })
  await response.body?.cancel()
  return response.status
}
