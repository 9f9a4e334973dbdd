import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  freshKey,
  type OpenStore,
  objectStores,
  openStore,
  type User,
  written,
} from '../../support/object-stores.ts'

describe.each(objectStores)('%s: by another client', (_, start) => {
  let store: OpenStore
  beforeAll(async () => {
    store = await openStore(start)
  })
  afterAll(() => store.close())

  const acts = {
    read: (user: User, key: string) => store.as(user).getObject(store.bucket, key),
    look: (user: User, key: string) => store.as(user).statObject(store.bucket, key),
    write: (user: User, key: string) => store.as(user).putObject(store.bucket, key, 'new'),
    'send in parts': (user: User, key: string) =>
      store.as(user).initiateNewMultipartUpload(store.bucket, key, {}),
    copy: (user: User, key: string) =>
      store.as(user).copyObject(store.bucket, freshKey(), `/${store.bucket}/${key}`),
    delete: (user: User, key: string) => store.as(user).removeObject(store.bucket, key),
    list: (user: User) => store.as(user).listObjectsV2(store.bucket, 'incoming/', true).toArray(),
    'list uploads': (user: User) =>
      store.as(user).listIncompleteUploads(store.bucket, 'incoming/', true).toArray(),
    'read the policy': (user: User) => store.as(user).getBucketPolicy(store.bucket),
    'open it to everybody': (user: User) => store.as(user).setBucketPolicy(store.bucket, everybody),
    'remove the bucket': (user: User) => store.as(user).removeBucket(store.bucket),
  }
  const everybody = JSON.stringify({ Version: '2012-10-17', Statement: [] })

  test.each(Object.entries(acts).filter(([act]) => act !== 'write' && act !== 'send in parts'))(
    'the upload user may not %s',
    async (_, act) => {
      const key = await written(store)
      await expect(act('upload', key)).rejects.toMatchObject(denied)
      expect(await store.see(key)).toMatchObject({ text: 'hello' })
    },
  )

  test('the upload user writes under incoming/ and runs/, nowhere else', async () => {
    const { objects, bucket } = store
    const upload = store.as('upload')
    for (const key of [freshKey(), freshKey().replace('incoming', 'runs')]) {
      await upload.putObject(bucket, key, 'new')
      expect(await store.see(key)).toMatchObject({ text: 'new' })
      expect(
        await objects.multipart.list(key, await upload.initiateNewMultipartUpload(bucket, key, {})),
      ).toEqual([])
    }
    for (const root of ['logs', 'incomingx', 'x/incoming']) {
      const key = freshKey().replace('incoming', root)
      await expect(acts.write('upload', key)).rejects.toMatchObject(denied)
      await expect(acts['send in parts']('upload', key)).rejects.toMatchObject(denied)
      expect(await store.see(key)).toBeNull()
    }
  })

  test.each(Object.entries(acts).filter(([act]) => act !== 'read' && act !== 'look'))(
    'the download user may not %s',
    async (_, act) => {
      const key = await written(store)
      await expect(act('download', key)).rejects.toMatchObject(denied)
      expect(await store.see(key)).toMatchObject({ text: 'hello' })
    },
  )

  test('the download user reads', async () => {
    const key = await written(store)
    expect(await text(await acts.read('download', key))).toBe('hello')
    expect(await acts.look('download', key)).toMatchObject({ size: 5 })
  })

  test.each(['read the policy', 'open it to everybody', 'remove the bucket'] as const)(
    'nor may the one who manages %s',
    async (act) => {
      await written(store)
      await expect(acts[act]('manage')).rejects.toMatchObject(denied)
    },
  )

  test('nobody may do anything without a key', async () => {
    const key = await written(store)
    const url = `${store.endpoint}/${store.bucket}`
    const answers = await Promise.all([
      fetch(`${url}/${key}`),
      fetch(`${url}/${key}`, { method: 'HEAD' }),
      fetch(`${url}/${key}`, { method: 'DELETE' }),
      fetch(`${url}/${freshKey()}`, { method: 'PUT', body: 'x' }),
      fetch(`${url}/${freshKey()}?uploads`, { method: 'POST' }),
      fetch(`${url}?list-type=2`),
    ])
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 403))
    expect(await store.see(key)).toMatchObject({ text: 'hello' })
  })

  test('pages of the named origins may send what an upload takes; others may not', async () => {
    const url = `${store.endpoint}/${store.bucket}/${freshKey()}`
    const preflight = (origin: string) =>
      fetch(url, {
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
    expect(named.headers.get('access-control-allow-methods')).toContain('PUT')
    expect(named.headers.get('access-control-allow-headers')?.toLowerCase().split(/, */)).toEqual(
      expect.arrayContaining(['content-type', 'if-none-match', 'x-amz-checksum-sha256']),
    )
    const other = await preflight('https://evil.example')
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
  })
})

const denied = { code: 'AccessDenied' }
