import { type Findings, findForged, readConfig } from '@millrace/api'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { observe } from '../../../infra/fixtures/store/capability.ts'
import { adminKey, ownDatabase } from '../../support/api-in-process.ts'
import { apiProcess } from '../../support/api-process.ts'
import { type OpenStore, objectStores, openStore } from '../../support/object-stores.ts'

/** What MinIO accepts: test/stores/minio-is-unsafe.test.ts. */
const safeStores = objectStores.filter(([name]) => name !== 'MinIO')

describe.each(safeStores)('%s: forged requests', (name, start) => {
  beforeEach(() => observe(name, 'forged requests refused', true))
  let store: OpenStore
  let env: Record<string, string>
  beforeAll(async () => {
    store = await openStore(async () => {
      const running = await start()
      env = { ...inject('servers'), ...running.env }
      return running
    })
  })
  afterAll(() => store?.close())

  const item = 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV'
  const check = (more: Record<string, string> = {}): Promise<Findings[]> =>
    findForged(readConfig({ ...env, ...more }).objects, item)

  test('all are rejected, and nothing is left of the check', async () => {
    const { endpoint } = store
    expect(await check()).toEqual([{ endpoint, accepted: [], unchecked: null }])
    for (const prefix of [`incoming/${item}/`, 'millrace-check/'])
      expect((await store.objects.list(prefix, '', 10)).objects, prefix).toEqual([])
    expect(
      (await store.objects.multipart.open('', 1_000)).uploads.filter(({ key }) => key.includes(item)),
    ).toEqual([])
  })

  test('a public endpoint counts too; one that leads nowhere is named, and no reason to fail', async () => {
    const named = store.endpoint.replace('127.0.0.1', 'localhost')
    expect((await check({ S3_PUBLIC_ENDPOINT: named })).map(({ endpoint }) => endpoint)).toEqual([
      store.endpoint,
      named,
    ])
    const [, there] = await check({ S3_PUBLIC_ENDPOINT: 'http://127.0.0.1:1' })
    expect(there).toMatchObject({
      accepted: [],
      unchecked: expect.stringContaining('a presigned upload failed'),
    })
  })

  test('the API serves with it, off loopback too, and says in /readyz that it is safe', async () => {
    const own = {
      MONGODB_URL: ownDatabase(env.MONGODB_URL ?? ''),
      S3_ENDPOINT: store.endpoint.replace('127.0.0.1', '0.0.0.0'),
    }
    const api = await apiProcess({ ...env, ...own }, adminKey)
    try {
      await api.start()
      const ready = await (await fetch(`${api.url}/readyz`)).json()
      // Off loopback it does not listen before it knows.
      expect(ready).toMatchObject({ s3: 'ok', s3Safety: 'safe' })
    } finally {
      await api.stop()
    }
  })
})
