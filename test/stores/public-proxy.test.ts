import { UploadAnswer } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, openApi, type TestApi } from '../support/api-in-process.ts'
import { composeStore } from '../support/compose-store.ts'
import { forgedQuery, type Raw, unsignedChunks } from '../support/forged-request.ts'
import { freshKey, type OpenStore, openStore, written } from '../support/object-stores.ts'
import { type PublicProxy, startPublic } from '../support/public-proxy.ts'
import { servedApi } from '../support/served-api.ts'
import { until } from '../support/until.ts'

describe('TLS in front of API and store', () => {
  let api: TestApi
  let store: OpenStore
  let open: PublicProxy
  let close: (() => Promise<void>)[]

  beforeAll(async () => {
    close = []
    const compose = await composeStore()
    await compose.setUp()
    store = await openStore(async () => ({ env: compose.env, stop: compose.stop }))
    close.push(store.close)
    // The API signs the proxy's address and the proxy needs the API's: this server waits until the API is open.
    const opened = Promise.withResolvers<TestApi>()
    const behind = await servedApi({ request: async (...of) => (await opened.promise).request(...of) })
    close.push(async () => behind.close())
    open = await startPublic(new URL(behind.url).host, new URL(store.endpoint).host)
    close.push(open.caddy.stop)
    const ofStore = Object.entries(compose.env).filter(([name]) => name.startsWith('S3_'))
    const env = { ...Object.fromEntries(ofStore), S3_PUBLIC_ENDPOINT: open.storeSite }
    api = await openApi(undefined, env)
    opened.resolve(api)
    close.push(api.close)
  })
  afterAll(async () => {
    for (const one of close.reverse()) await one()
  })

  const call = (path: string, raw: Partial<Raw> = {}) =>
    open.send(`${open.site}${path}`, {
      method: 'GET',
      ...raw,
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    })

  test('a file is announced, uploaded, completed and downloaded under the public names', async () => {
    const file = { name: 'a.txt', size: 5, contentType: 'text/plain' }
    const announced = await call('/api/data', { method: 'POST', body: JSON.stringify({ label: 'a', file }) })
    const { data, upload } = UploadAnswer.parse(JSON.parse(announced.body))
    if (upload?.kind !== 'single') throw new Error('nothing to upload in one go')
    expect(upload.url).toMatch(new RegExp(`^${open.storeSite}/millrace/incoming/`))
    const send = () => open.send(upload.url, { method: 'PUT', headers: upload.headers, body: 'hello' })
    expect([(await send()).status, (await send()).status]).toEqual([200, 412])
    expect(await call(`/api/data/${data.id}/complete`, { method: 'POST' })).toMatchObject({ status: 200 })

    const { status, headers } = await call(`/api/data/${data.id}/content`)
    expect(status).toBe(302)
    const part = await open.send(headers.location ?? '', { method: 'GET', headers: { range: 'bytes=1-' } })
    expect(part).toMatchObject({
      status: 206,
      body: 'ello',
      headers: { 'x-content-type-options': 'nosniff' },
    })

    const signature = new URL(headers.location ?? '').searchParams.get('X-Amz-Signature') ?? ''
    expect(signature).toHaveLength(64)
    await until('the download in the log', 10, () =>
      open.caddy.lines.some((line) => line.includes('"status":206')),
    )
    expect(open.caddy.lines.filter((line) => line.includes(signature) || line.includes(adminKey))).toEqual([])
  })

  test('the store accepts only presigned GET and PUT', async () => {
    const key = await written(store, 'a secret')
    const { url } = await api.deps.objects.presignGet(key, {})
    const object = `${open.storeSite}/${store.bucket}/${key}`
    const { headers, body } = unsignedChunks('OWNED')
    const forged = `${object}?${forgedQuery(api.env.S3_UPLOAD_KEY ?? '')}`
    const authorization = 'AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request'
    const refusals: [string, Raw, string][] = [
      [object, { method: 'GET', headers: { authorization } }, 'not a presigned URL'],
      [url, { method: 'GET', headers: { authorization } }, 'not a presigned URL'],
      [url, { method: 'DELETE' }, 'method'],
      [url, { method: 'POST' }, 'method'],
      [object, { method: 'GET' }, 'no signature of version 4'],
      [`${open.storeSite}/health`, { method: 'GET' }, 'path outside the bucket'],
      [`${open.storeSite}/`, { method: 'GET' }, 'path outside the bucket'],
      [forged, { method: 'PUT', headers, body }, 'unsigned streaming body'],
    ]
    for (const [to, raw, reason] of refusals)
      expect(await open.send(to, raw)).toMatchObject({
        status: 403,
        body: expect.stringContaining(`Refused by the proxy: ${reason}<`),
      })
    const target = freshKey()
    const upload = await api.deps.objects.presignPut(target, { size: 0, contentType: 'text/plain' })
    const copy = { ...upload.headers, 'content-length': 0, 'x-amz-copy-source': `/${store.bucket}/${key}` }
    expect(await open.send(upload.url, { method: 'PUT', headers: copy })).toMatchObject({ status: 403 })
    expect(await store.see(target)).toBeNull()
    expect(await open.send(url, { method: 'GET' })).toMatchObject({ status: 200, body: 'a secret' })
  })
})
