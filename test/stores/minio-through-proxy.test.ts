import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { startCaddy } from '../support/caddy.ts'
import { forgedQuery, sendRaw } from '../support/forged-request.ts'
import { freshKey, type OpenStore, written } from '../support/object-stores.ts'
import { type ProxiedMinio, presigned, proxiedMinio, urlOf } from '../support/proxied-minio.ts'
import { bytesOf, put, sha256Of } from '../support/upload-by-hand.ts'

describe('the proxy of MinIO passes on', () => {
  let minio: ProxiedMinio
  let direct: OpenStore
  let proxied: OpenStore
  beforeAll(async () => {
    minio = await proxiedMinio()
    ;({ direct, proxied } = minio)
  })
  afterAll(() => minio?.close())

  test('presigned uploads, once each, with exactly the signed bytes', async () => {
    const key = freshKey()
    const sha256 = sha256Of(bytesOf('hello'))
    const upload = await proxied.objects.presignPut(key, { size: 5, contentType: 'text/plain', sha256 })
    expect(upload.headers).toMatchObject({
      'if-none-match': '*',
      'x-amz-checksum-sha256': expect.any(String),
    })
    expect(await put(upload, bytesOf('HELLO'))).toBe(400)
    expect(await put(upload, bytesOf('hello!'))).toBe(403)
    expect(await put(upload, bytesOf('hello'))).toBe(200)
    expect(await put(upload, bytesOf('hello'))).toBe(412)
    expect(await proxied.objects.head(key)).toEqual({ size: 5, contentType: 'text/plain', sha256 })
  })

  test('an empty upload', async () => {
    const key = freshKey()
    expect(await put(await presigned(proxied, key, 0), bytesOf(''))).toBe(200)
    expect(await direct.see(key)).toMatchObject({ size: 0 })
  })

  test('presigned downloads, whole and in ranges, under a name', async () => {
    const key = await written(direct, 'a story')
    const disposition = 'attachment; filename="a b;c.txt"'
    const { url } = await proxied.objects.presignGet(key, { contentType: 'text/plain', disposition })
    const whole = await fetch(url)
    expect([whole.status, await whole.text()]).toEqual([200, 'a story'])
    expect(whole.headers.get('content-disposition')).toBe(disposition)
    const part = await fetch(url, { headers: { range: 'bytes=2-' } })
    expect([part.status, await part.text()]).toEqual([206, 'story'])
    expect(part.headers.get('content-range')).toBe('bytes 2-6/7')
    const unchanged = await fetch(url, { headers: { 'if-none-match': whole.headers.get('etag') ?? '' } })
    expect(unchanged.status).toBe(304)
  })

  test('an upload in two parts', async () => {
    const key = freshKey()
    const { multipart } = proxied.objects
    const id = await multipart.begin(key, { contentType: 'video/mp4', checksums: true })
    const parts = [Buffer.alloc(5 * 1024 * 1024, 'first '), bytesOf('the end')]
    for (const [at, bytes] of parts.entries()) {
      const part = { partNumber: at + 1, size: bytes.byteLength, sha256: sha256Of(bytes) }
      expect(await put(await multipart.presign(key, id, part), Uint8Array.from(bytes))).toBe(200)
    }
    expect((await multipart.open('', 100)).uploads.map(({ uploadId }) => uploadId)).toContain(id)
    const listed = (await multipart.list(key, id)) ?? []
    expect(listed.map(({ partNumber }) => partNumber)).toEqual([1, 2])
    expect(await multipart.complete(key, id, listed)).toBe(true)
    const seen = await direct.see(key)
    expect(sha256Of(bytesOf(seen?.text ?? ''))).toBe(sha256Of(Buffer.concat(parts)))
    await multipart.abort(key, await multipart.begin(key, { contentType: 'video/mp4', checksums: false }))
  })

  test('what the API does itself: write, read, copy, list, remove', async () => {
    const { objects } = proxied
    const [from, to] = [freshKey(), freshKey()]
    await objects.write(from, 'hello', 'text/plain')
    await objects.write(freshKey(), '', 'text/plain')
    expect(await objects.read(from)).toBe('hello')
    expect(Buffer.from(await objects.readRange(from, 1, 3, AbortSignal.timeout(5_000))).toString()).toBe('el')
    await objects.copy(from, to, 'text/csv')
    expect(await direct.see(to)).toMatchObject({ text: 'hello', type: 'text/csv' })
    expect((await objects.list(to, '', 10)).objects.map(({ key }) => key)).toEqual([to])
    await objects.remove(to)
    expect(await direct.see(to)).toBeNull()
    await objects.ping()
  })

  test('CORS preflights, for the configured origins only', async () => {
    const preflight = (origin: string) =>
      fetch(urlOf(proxied, freshKey()), {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'PUT',
          'access-control-request-headers': 'content-type,if-none-match,x-amz-checksum-sha256',
        },
      })
    const named = await preflight('http://127.0.0.1:4321')
    expect(named.status).toBeLessThan(300)
    expect(named.headers.get('access-control-allow-origin')).toBe('http://127.0.0.1:4321')
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull()
  })

  test('the health check', async () => {
    const health = `${proxied.endpoint}/minio/health/live`
    expect(await sendRaw(health, { method: 'GET' })).toMatchObject({ status: 200 })
    expect(await sendRaw(health, { method: 'POST' })).toMatchObject({ status: 403 })
  })
})

test('the proxy of MinIO removes unknown headers of these families', async () => {
  const seen: string[][] = []
  const echo = createServer((request, response) => {
    seen.push(Object.keys(request.headers))
    response.end()
  })
  await new Promise<void>((done) => echo.listen(0, '127.0.0.1', done))
  const { port: to } = z.object({ port: z.number() }).parse(echo.address())
  const other = await startCaddy('minio.Caddyfile', (port) => ({
    PROXY_ADDRESS: `http://127.0.0.1:${port}`,
    MINIO_ADDRESS: `127.0.0.1:${to}`,
  }))
  try {
    const headers = {
      'X-Minio-Of-Tomorrow': 'a',
      'x-amz-meta-snowball-of-tomorrow': 'a',
      'X-Amz-Meta-Minio-Of-Tomorrow': 'a',
      'x-amz-meta-of-mine': 'a',
    }
    const url = `http://127.0.0.1:${other.ports[0]}/millrace/a?${forgedQuery('a')}`
    expect(await sendRaw(url, { method: 'PUT', headers })).toMatchObject({ status: 200 })
    expect(seen).toHaveLength(1)
    expect(seen[0]).toContain('x-amz-meta-of-mine')
    expect(seen[0]?.filter((name) => name.includes('of-tomorrow'))).toEqual([])
  } finally {
    await other.stop()
    echo.close()
  }
})

test('the proxy of MinIO answers 502 when MinIO is down, which the API retries', async () => {
  const alone = await startCaddy('minio.Caddyfile', (port, closed) => ({
    PROXY_ADDRESS: `http://127.0.0.1:${port}`,
    MINIO_ADDRESS: `127.0.0.1:${closed}`,
  }))
  const url = `http://127.0.0.1:${alone.ports[0]}/millrace/a?${forgedQuery('a')}`
  const { status, body } = await sendRaw(url, { method: 'GET' })
  expect([status, body]).toEqual([502, expect.stringContaining('<Code>ServiceUnavailable</Code>')])
  await alone.stop()
})
