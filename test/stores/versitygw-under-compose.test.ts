import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { composeStore } from '../support/compose-store.ts'
import { forgedQuery, sendRaw, unsignedChunks } from '../support/forged-request.ts'
import { freshKey, type OpenStore, openStore, written } from '../support/object-stores.ts'
import { bytesOf, put } from '../support/upload-by-hand.ts'

describe('the versitygw of compose.yaml', () => {
  let compose: Awaited<ReturnType<typeof composeStore>>
  let store: OpenStore
  beforeAll(async () => {
    compose = await composeStore({ CORS_ORIGINS: 'https://shop.example' })
    expect(await compose.setUp()).toEqual([`set up: bucket millrace at ${compose.env.S3_ENDPOINT}`])
    store = await openStore(async () => ({ env: compose.env, stop: compose.stop }))
  })
  afterAll(() => store?.close())

  test('has no secret on its command line, and keeps its users in a file with mode 0600', async () => {
    const command = await readFile(`/proc/${compose.pid}/cmdline`, 'utf8')
    const secrets = Object.entries(compose.env).filter(([name]) => /SECRET|PASSWORD/.test(name))
    expect(command).toContain('versitygw')
    expect(secrets.filter(([, secret]) => command.includes(secret))).toEqual([])
    expect((await stat(join(compose.folder, 'users.json'))).mode & 0o777).toBe(0o600)
  })

  test('does what the API needs', async () => {
    const { objects } = store
    const [key, copy] = [freshKey(), freshKey()]
    const upload = await objects.presignPut(key, { size: 5, contentType: 'text/plain' })
    expect([await put(upload, bytesOf('hello')), await put(upload, bytesOf('hello'))]).toEqual([200, 412])
    const { url } = await objects.presignGet(key, {})
    expect(await (await fetch(url)).text()).toBe('hello')
    await objects.copy(key, copy, 'text/plain')
    expect((await objects.list(copy, '', 10)).objects).toMatchObject([{ key: copy }])
    await objects.remove(copy)
    expect(await store.see(copy)).toBeNull()
  })

  test('denies each user everything else', async () => {
    const denied = { code: 'AccessDenied' }
    const { bucket } = store
    const key = freshKey()
    await store.as('upload').putObject(bucket, key, 'new')
    await expect(store.as('upload').putObject(bucket, 'elsewhere', 'new')).rejects.toMatchObject(denied)
    await expect(store.as('upload').getObject(bucket, key)).rejects.toMatchObject(denied)
    await expect(store.as('download').putObject(bucket, key, 'new')).rejects.toMatchObject(denied)
    await expect(store.as('manage').setBucketPolicy(bucket, '{}')).rejects.toMatchObject(denied)
  })

  test('verifies signatures: forged uploads and copies change nothing, without a proxy too', async () => {
    const key = await written(store)
    const url = `${store.endpoint}/${store.bucket}/${key}`
    const { headers, body } = unsignedChunks('OWNED')
    const query = forgedQuery(compose.env.S3_UPLOAD_KEY ?? '')
    const authorization = `AWS4-HMAC-SHA256 Credential=${compose.env.S3_UPLOAD_KEY}/20260101/us-east-1/s3/aws4_request`
    const forged = [
      await sendRaw(`${url}?${query}`, { method: 'PUT', headers, body }),
      await sendRaw(url, { method: 'PUT', headers, body }),
      await sendRaw(url, { method: 'PUT', headers: { ...headers, authorization }, body }),
    ]
    for (const { status } of forged) expect([400, 403]).toContain(status)
    expect(await store.see(key)).toMatchObject({ text: 'hello' })

    const target = freshKey()
    const upload = await store.objects.presignPut(target, { size: 0, contentType: 'text/plain' })
    const copy = { ...upload.headers, 'content-length': 0, 'x-amz-copy-source': `/${store.bucket}/${key}` }
    expect([400, 403]).toContain((await sendRaw(upload.url, { method: 'PUT', headers: copy })).status)
    expect(await store.see(target)).toBeNull()
  })

  test('allows only the origins that compose-env was given', async () => {
    const allowed = async (origin: string) => {
      const headers = { origin, 'access-control-request-method': 'PUT' }
      const answer = await fetch(`${store.endpoint}/millrace/a`, { method: 'OPTIONS', headers })
      return answer.headers.get('access-control-allow-origin')
    }
    for (const origin of ['https://shop.example', 'http://127.0.0.1:8787'])
      expect(await allowed(origin)).toBe(origin)
    expect(await allowed('https://evil.example')).toBeNull()
  })

  test('keeps its data when it is set up again', async () => {
    const key = freshKey()
    await store.objects.write(key, 'kept', 'text/plain')
    await compose.setUp()
    expect(await store.objects.read(key)).toBe('kept')
  })
})
