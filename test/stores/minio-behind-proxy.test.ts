import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Caddy, startCaddy } from '../support/caddy.ts'
import { forgedQuery, sendRaw, tarOf, unsignedChunks } from '../support/forged-request.ts'
import { freshKey, type OpenStore, openStore, written } from '../support/object-stores.ts'
import { ownMinio } from '../support/own-minio.ts'
import { until } from '../support/until.ts'
import { bytesOf, put, sha256Of } from '../support/upload-by-hand.ts'

/** The proxy of compose.yaml's profile `minio`, in front of a MinIO that accepts forged requests. */
describe('MinIO behind its proxy', () => {
  let caddy: Caddy
  let uploadKey: string
  let manage: { key: string; secret: string }
  /** MinIO itself, as only the proxy reaches it under compose. */
  let direct: OpenStore
  let proxied: OpenStore

  beforeAll(async () => {
    const { env, close } = await ownMinio({ CORS_ORIGINS: 'http://127.0.0.1:*' })
    uploadKey = env.S3_UPLOAD_KEY ?? ''
    manage = { key: env.S3_MANAGE_KEY ?? '', secret: env.S3_MANAGE_SECRET ?? '' }
    direct = await openStore(async () => ({ env, stop: close }))
    caddy = await startCaddy('minio.Caddyfile', (port) => ({
      PROXY_ADDRESS: `http://127.0.0.1:${port}`,
      MINIO_ADDRESS: new URL(direct.endpoint).host,
      S3_BUCKET: direct.bucket,
    }))
    const endpoint = `http://127.0.0.1:${caddy.ports[0]}`
    proxied = await openStore(async () => ({ env: { ...env, S3_ENDPOINT: endpoint }, stop: caddy.stop }))
  })
  afterAll(async () => {
    await proxied?.close()
    await direct?.close()
  })

  const refused = (reason: string) => ({
    status: 403,
    headers: expect.objectContaining({ 'content-type': 'application/xml' }),
    body: expect.stringContaining(
      `<Code>AccessDenied</Code><Message>Refused by the proxy: ${reason}</Message>`,
    ),
  })
  const urlOf = (store: OpenStore, key: string) => `${store.endpoint}/${store.bucket}/${key}`
  const presigned = (store: OpenStore, key: string, size = 5) =>
    store.objects.presignPut(key, { size, contentType: 'text/plain' })

  describe('refuses', () => {
    /** An upload that nobody signed. */
    const forge = (store: OpenStore, key: string, change: object = {}) => {
      const { headers, body } = unsignedChunks('OWNED')
      const url = `${urlOf(store, key)}?${forgedQuery(uploadKey)}`
      return sendRaw(url, { method: 'PUT', headers: { ...headers, ...change }, body })
    }

    test('a forged upload, by which anyone overwrites an object of MinIO itself', async () => {
      const key = await written(direct)
      // MinIO takes it: without this line, the refusals below would prove nothing.
      expect(await forge(direct, key)).toMatchObject({ status: 200 })
      expect(await direct.see(key)).toMatchObject({ text: 'OWNED' })

      const behind = await written(direct)
      expect(await forge(proxied, behind)).toMatchObject(refused('unsigned streaming body'))
      expect(await direct.see(behind)).toMatchObject({ text: 'hello' })
    })

    test.each([
      ['in small letters', 'streaming-unsigned-payload-trailer'],
      ['as a second value', ['UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER']],
      ['before another value', ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'UNSIGNED-PAYLOAD']],
      ['with spaces', '  STREAMING-UNSIGNED-PAYLOAD-TRAILER '],
    ])('it, written %s', async (_, value) => {
      const key = await written(direct)
      const answer = await forge(proxied, key, { 'x-amz-content-sha256': value })
      expect(answer).toMatchObject(refused('unsigned streaming body'))
      expect(await direct.see(key)).toMatchObject({ text: 'hello' })
    })

    test('an archive that MinIO would unpack into objects', async () => {
      const header = { 'X-Amz-Meta-Snowball-Auto-Extract': 'true' }
      const upload = (store: OpenStore, name: string) => {
        const tar = tarOf(name, 'planted')
        return store.as('manage').putObject(store.bucket, 'incoming/all.tar', tar, tar.length, header)
      }
      await upload(direct, 'incoming/planted-directly')
      expect(await direct.see('incoming/planted-directly')).toMatchObject({ text: 'planted' })
      await expect(upload(proxied, 'incoming/planted')).rejects.toMatchObject({
        code: 'AccessDenied',
        message: 'Refused by the proxy: archive upload',
      })
      expect(await direct.see('incoming/planted')).toBeNull()
    })

    test.each([
      'X-Minio-Replication-Server-Side-Encryption-Sealed-Key',
      'x-minio-replication-server-side-encryption-iv',
      'X-Minio-Replication-Encrypted-Multipart',
      'X-Minio-Replication-Actual-Object-Size',
      'X-Minio-Replication-Ssec-Crc',
      'X-Minio-Source-Replication-Request',
      'x-minio-source-mtime',
      'X-Minio-Source-DeleteMarker',
      'x-minio-force-delete',
      'X-Minio-From-Peer',
    ])('a presigned upload with %s', async (header) => {
      const key = freshKey()
      const { url, headers } = await presigned(proxied, key)
      for (const value of ['true', '']) {
        const answer = await sendRaw(url, {
          method: 'PUT',
          headers: { ...headers, [header]: value },
          body: 'hello',
        })
        expect(answer).toMatchObject(refused('internal header'))
      }
      expect(await direct.see(key)).toBeNull()
      expect(await put({ url, headers }, bytesOf('hello'))).toBe(200)
    })

    test('a presigned upload that becomes a copy', async () => {
      const source = await written(direct, 'a secret')
      const key = freshKey()
      const { url, headers } = await presigned(proxied, key, 0)
      const copy = { ...headers, 'content-length': 0, 'X-Amz-Copy-Source': `/${direct.bucket}/${source}` }
      expect(await sendRaw(url, { method: 'PUT', headers: copy })).toMatchObject(
        refused('copy by a presigned URL'),
      )
      expect(await direct.see(key)).toBeNull()
    })

    test('two signatures in one request, wherever the second one is', async () => {
      const key = freshKey()
      const { url, headers } = await presigned(proxied, key)
      const send = (to: string, more: object) =>
        sendRaw(to, { method: 'PUT', headers: { ...headers, ...more }, body: 'hello' })
      const authorization = 'AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request'
      for (const value of [authorization, 'AWS a:b', 'Bearer a', ''])
        expect(await send(url, { authorization: value })).toMatchObject(refused('two signatures'))
      const partly = `${urlOf(proxied, key)}?X-Amz-Credential=a`
      expect(await send(partly, { authorization })).toMatchObject(refused('two signatures'))
      expect(await direct.see(key)).toBeNull()
    })

    test.each([
      ['none', '', {}],
      ['one of version 2 in the query', '?AWSAccessKeyId=upload&Signature=a&Expires=9999999999', {}],
      ['one of version 2 in a header', '', { authorization: 'AWS upload:a' }],
      ['a token of MinIO', '', { authorization: 'Bearer a' }],
      ['only the name of a key', '?X-Amz-Credential=upload', {}],
      ['an action of the token service', '?Action=AssumeRole', {}],
    ])('a request with %s as its signature', async (_, query, headers) => {
      for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'HEAD']) {
        const answer = await sendRaw(`${urlOf(proxied, freshKey())}${query}`, { method, headers })
        expect(answer.status).toBe(403)
        if (method !== 'HEAD') expect(answer.body).toContain('no signature of version 4')
      }
    })

    test.each(['%zz', '%', 'a=%4', ';X-Amz-Signature=a', 'a;b'])('the malformed query %s', async (query) => {
      const { url, headers } = await presigned(proxied, freshKey())
      const answer = await sendRaw(`${url}&${query}`, { method: 'PUT', headers, body: 'hello' })
      expect(answer).toMatchObject(refused('malformed query'))
    })

    test.each([
      '/',
      '/minio/admin/v3/info',
      '/minio/kms/v1/status',
      '/minio/v2/metrics/cluster',
      '/minio/health/cluster',
      '//minio/admin/v3/info',
      '/%6dinio/admin/v3/info',
      '/minio%2Fadmin/v3/info',
      '/BUCKET/../minio/admin/v3/info',
      '/BUCKET/%2e%2e/minio/admin/v3/info',
      '/BUCKET/..%2fminio/admin/v3/info',
      '/BUCKETS/a',
      '/another/a',
    ])('%s, also with a good signature', async (path) => {
      const url = `${proxied.endpoint}${path.replace('BUCKET', proxied.bucket)}`
      const authorization = `AWS4-HMAC-SHA256 Credential=${manage.key}/20260101/us-east-1/s3/aws4_request`
      for (const method of ['GET', 'POST', 'PUT'])
        expect(await sendRaw(url, { method, headers: { authorization } })).toMatchObject(
          refused('path outside the bucket'),
        )
    })
  })

  describe('lets through', () => {
    test('presigned uploads, each once, of the promised bytes', async () => {
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

    test('what the API does itself: it writes, reads, copies, lists and removes', async () => {
      const { objects } = proxied
      const [from, to] = [freshKey(), freshKey()]
      await objects.write(from, 'hello', 'text/plain')
      await objects.write(freshKey(), '', 'text/plain')
      expect(await objects.read(from)).toBe('hello')
      expect(Buffer.from(await objects.readRange(from, 1, 3, AbortSignal.timeout(5_000))).toString()).toBe(
        'el',
      )
      await objects.copy(from, to, 'text/csv')
      expect(await direct.see(to)).toMatchObject({ text: 'hello', type: 'text/csv' })
      expect((await objects.list(to, '', 10)).objects.map(({ key }) => key)).toEqual([to])
      await objects.remove(to)
      expect(await direct.see(to)).toBeNull()
      await objects.ping()
    })

    test('what pages ask before an upload, of the named origins alone', async () => {
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

    test('the question whether MinIO lives', async () => {
      const health = `${proxied.endpoint}/minio/health/live`
      expect(await sendRaw(health, { method: 'GET' })).toMatchObject({ status: 200 })
      expect(await sendRaw(health, { method: 'POST' })).toMatchObject({ status: 403 })
    })
  })

  test('headers of these families that no list names do not reach the store', async () => {
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

  test('a store that is away is no refusal: the API tries again', async () => {
    const alone = await startCaddy('minio.Caddyfile', (port, closed) => ({
      PROXY_ADDRESS: `http://127.0.0.1:${port}`,
      MINIO_ADDRESS: `127.0.0.1:${closed}`,
    }))
    const url = `http://127.0.0.1:${alone.ports[0]}/millrace/a?${forgedQuery('a')}`
    const { status, body } = await sendRaw(url, { method: 'GET' })
    expect([status, body]).toEqual([502, expect.stringContaining('<Code>ServiceUnavailable</Code>')])
    await alone.stop()
  })

  test('the log tells what was refused, and no signature', async () => {
    const key = freshKey()
    const { url, headers } = await presigned(proxied, key)
    const refusedUrl = `${url}&more=%zz`
    for (const one of [url, refusedUrl]) await sendRaw(one, { method: 'PUT', headers, body: 'hello' })
    const logged = (status: number) =>
      caddy.lines.some((line) => line.includes(key) && line.includes(`"status":${status},`))
    await until('both lines in the log', 10, () => logged(200) && logged(403))
    const signature = new URL(url).searchParams.get('X-Amz-Signature') ?? ''
    expect(signature).toHaveLength(64)
    expect(caddy.lines.filter((line) => line.includes(signature))).toEqual([])
  })
})
