import { findForged, readConfig } from '@millrace/api'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { forgedQuery, sendRaw, tarOf, unsignedChunks } from '../support/forged-request.ts'
import { freshKey, type OpenStore, written } from '../support/object-stores.ts'
import { type ProxiedMinio, presigned, proxiedMinio, urlOf } from '../support/proxied-minio.ts'
import { until } from '../support/until.ts'
import { bytesOf, put } from '../support/upload-by-hand.ts'

/** The proxy of compose.yaml's profile `minio`, in front of a MinIO that accepts forged requests. */
describe('the proxy of MinIO refuses', () => {
  let minio: ProxiedMinio
  let direct: OpenStore
  let proxied: OpenStore
  beforeAll(async () => {
    minio = await proxiedMinio()
    ;({ direct, proxied } = minio)
  })
  afterAll(() => minio?.close())

  const refused = (reason: string) => ({
    status: 403,
    headers: expect.objectContaining({ 'content-type': 'application/xml' }),
    body: expect.stringContaining(
      `<Code>AccessDenied</Code><Message>Refused by the proxy: ${reason}</Message>`,
    ),
  })

  /** An upload without a valid signature. */
  const forge = (store: OpenStore, key: string, change: object = {}) => {
    const { headers, body } = unsignedChunks('OWNED')
    const url = `${urlOf(store, key)}?${forgedQuery(minio.uploadKey)}`
    return sendRaw(url, { method: 'PUT', headers: { ...headers, ...change }, body })
  }

  test('everything that the API tries at its start', async () => {
    const config = readConfig({ ...inject('servers'), ...minio.env }).objects
    const [findings] = await findForged(config, 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV')
    expect(findings).toMatchObject({ accepted: [], unchecked: null })
  })

  test('a forged upload, which overwrites an object of an unprotected MinIO', async () => {
    const key = await written(direct)
    // Proves that the attack is real: MinIO alone accepts it.
    expect(await forge(direct, key)).toMatchObject({ status: 200 })
    expect(await direct.see(key)).toMatchObject({ text: 'OWNED' })

    const behind = await written(direct)
    expect(await forge(proxied, behind)).toMatchObject(refused('unsigned streaming body'))
    expect(await direct.see(behind)).toMatchObject({ text: 'hello' })
  })

  test.each([
    ['in lower case', 'streaming-unsigned-payload-trailer'],
    ['as a second value', ['UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER']],
    ['before another value', ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'UNSIGNED-PAYLOAD']],
    ['with spaces', '  STREAMING-UNSIGNED-PAYLOAD-TRAILER '],
  ])('a forged upload, with the marker %s', async (_, value) => {
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
    const authorization = `AWS4-HMAC-SHA256 Credential=manage/20260101/us-east-1/s3/aws4_request`
    for (const method of ['GET', 'POST', 'PUT'])
      expect(await sendRaw(url, { method, headers: { authorization } })).toMatchObject(
        refused('path outside the bucket'),
      )
  })

  test('and logs the refusal without the signature', async () => {
    const key = freshKey()
    const { url, headers } = await presigned(proxied, key)
    const refusedUrl = `${url}&more=%zz`
    for (const one of [url, refusedUrl]) await sendRaw(one, { method: 'PUT', headers, body: 'hello' })
    const logged = (status: number) =>
      minio.log.some((line) => line.includes(key) && line.includes(`"status":${status},`))
    await until('both lines in the log', 10, () => logged(200) && logged(403))
    const signature = new URL(url).searchParams.get('X-Amz-Signature') ?? ''
    expect(signature).toHaveLength(64)
    expect(minio.log.filter((line) => line.includes(signature))).toEqual([])
  })
})
