import { expect } from 'vitest'
import type { TestApi } from './api-in-process.ts'
import type { shiftedClock } from './shifted-clock.ts'
import { sweepBucket } from './sweep-bucket.ts'

/** A day and more later: no upload is open, and the bucket holds the objects of these items and none else. */
export async function expectTidyBucket(
  api: TestApi,
  clock: ReturnType<typeof shiftedClock>,
  available: readonly string[],
): Promise<void> {
  clock.forward(26 * 3600)
  const uploading = () => api.deps.store.data.find({ status: 'uploading' }, { limit: 1 })
  while ((await uploading()).length > 0) {
    clock.forward(61)
    await api.request('/api/tick', { method: 'POST' })
  }
  clock.forward(3601)
  await sweepBucket(api)
  const items = await api.deps.store.data.find({ status: 'available' }, { limit: 100_000 })
  expect(items.map((item) => item._id).sort()).toEqual([...available].sort())
  expect(await keysIn(api)).toEqual(items.map((item) => item.object).sort())
}

async function keysIn(api: TestApi): Promise<string[]> {
  const keys: string[] = []
  for (;;) {
    const { objects, more } = await api.deps.objects.list('incoming/', keys.at(-1) ?? '', 1_000)
    keys.push(...objects.map(({ key }) => key))
    if (!more) return keys
  }
}
