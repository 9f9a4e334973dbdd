import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { composeStore } from '../support/compose-store.ts'
import { freshKey, type OpenStore, openStore } from '../support/object-stores.ts'
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

  test('has no secret on its command line, and its users in a file of its own alone', async () => {
    const command = await readFile(`/proc/${compose.pid}/cmdline`, 'utf8')
    const secrets = Object.entries(compose.env).filter(([name]) => /SECRET|PASSWORD/.test(name))
    expect(command).toContain('versitygw')
    expect(secrets.filter(([, secret]) => command.includes(secret))).toEqual([])
    expect((await stat(join(compose.folder, 'users.json'))).mode & 0o777).toBe(0o600)
  })

  test('serves what the API does', async () => {
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

  test('lets each user do no more than it must', async () => {
    const denied = { code: 'AccessDenied' }
    const { bucket } = store
    const key = freshKey()
    await store.as('upload').putObject(bucket, key, 'new')
    await expect(store.as('upload').putObject(bucket, 'elsewhere', 'new')).rejects.toMatchObject(denied)
    await expect(store.as('upload').getObject(bucket, key)).rejects.toMatchObject(denied)
    await expect(store.as('download').putObject(bucket, key, 'new')).rejects.toMatchObject(denied)
    await expect(store.as('manage').setBucketPolicy(bucket, '{}')).rejects.toMatchObject(denied)
  })

  test('answers the pages that compose-env was given, and no others', async () => {
    const allowed = async (origin: string) => {
      const headers = { origin, 'access-control-request-method': 'PUT' }
      const answer = await fetch(`${store.endpoint}/millrace/a`, { method: 'OPTIONS', headers })
      return answer.headers.get('access-control-allow-origin')
    }
    for (const origin of ['https://shop.example', 'http://127.0.0.1:8787'])
      expect(await allowed(origin)).toBe(origin)
    expect(await allowed('https://evil.example')).toBeNull()
  })

  test('is set up again without harm', async () => {
    const key = freshKey()
    await store.objects.write(key, 'kept', 'text/plain')
    await compose.setUp()
    expect(await store.objects.read(key)).toBe('kept')
  })
})
