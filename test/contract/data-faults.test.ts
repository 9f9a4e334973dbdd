import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { cuttable } from '../support/cuttable.ts'
import { expectTidyBucket } from '../support/expect-tidy-bucket.ts'
import { ownStore } from '../support/own-store.ts'
import { problemOf } from '../support/problem-of.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { announce, bytesOf, put } from '../support/upload-by-hand.ts'
import { expectFates, expiredUrls, type Fate, manyTimes, uploadFaults } from '../support/upload-faults.ts'

/** `test/faults/uploads.test.ts` does the same a thousand times. */
const count = 20

describe('uploads', () => {
  const clock = shiftedClock()
  const fates: Fate[] = []
  let bucket: Awaited<ReturnType<typeof ownStore>>
  let api: TestApi
  beforeAll(async () => {
    bucket = await ownStore()
    api = await openApi((deps) => ({ ...deps, clock }), bucket.env)
  })
  afterAll(async () => {
    await api?.close()
    await bucket?.close()
  })

  test.each(Object.entries(uploadFaults))('%s: no item has other bytes than promised', async (_, fault) => {
    const some = await manyTimes(count, api, fault)
    await expectFates(api, some)
    fates.push(...some)
  })

  test('by URLs that have expired: no item has other bytes than promised', async () => {
    const some = await expiredUrls(count, api)
    await expectFates(api, some)
    fates.push(...some)
  })

  test('leave nothing in the store but what is available', async () => {
    expect(fates).toHaveLength(count * (Object.keys(uploadFaults).length + 1))
    await expectTidyBucket(
      api,
      clock,
      fates.filter(({ bytes }) => bytes).map(({ id }) => id),
    )
  })
})

describe('while the object store is away', () => {
  test('complete is 503 with Retry-After, and 200 when it is back', async () => {
    const { S3_ENDPOINT: store = '' } = inject('servers')
    const way = await cuttable(store)
    const api = await openApi((deps) => deps, { S3_ENDPOINT: way.url, S3_PUBLIC_ENDPOINT: store })
    const { data, upload } = await announce(api, {})
    expect(await put(upload, bytesOf('hello'))).toBe(200)
    const complete = () => api.request(`/api/data/${data.id}/complete`, { method: 'POST' })
    way.cut()
    const away = await complete()
    expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await problemOf(away)).toMatchObject({ status: 503, code: 'unavailable' })
    expect((await api.client.data(data.id)).status).toBe('uploading')
    way.mend()
    expect((await complete()).status).toBe(200)
    expect(await api.client.download(data.id)).toEqual(bytesOf('hello'))
    await api.close()
    way.close()
  })
})
