import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { expectTidyBucket } from '../support/expect-tidy-bucket.ts'
import { ownStore } from '../support/own-store.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { expectFates, expiredUrls, type Fate, manyTimes, uploadFaults } from '../support/upload-faults.ts'

/** Whatever goes wrong with an upload, a thousand times each. `test/contract/data-faults.test.ts` has a few of each. */

const count = 1_000
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
  const available = fates.filter(({ bytes }) => bytes).map(({ id }) => id)
  expect(available).toHaveLength(count * 6.5)
  await expectTidyBucket(api, clock, available)
})
