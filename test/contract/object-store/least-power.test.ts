import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { observe } from '../../../infra/fixtures/store/capability.ts'
import {
  freshKey,
  type OpenStore,
  objectStores,
  openStore,
  type User,
  written,
} from '../../support/object-stores.ts'

describe.each(objectStores)('%s: by another client', (name, start) => {
  let store: OpenStore
  beforeAll(async () => {
    store = await openStore(start)
  })
  afterAll(() => store.close())
  beforeEach(() => observe(name, 'three users with least power', true))

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

  test('a caller without a key may do nothing', async () => {
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
})

const denied = { code: 'AccessDenied' }
