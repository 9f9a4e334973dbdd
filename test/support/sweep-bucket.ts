import { z } from 'zod'
import type { TestApi } from './api-in-process.ts'

const Place = z.object({ after: z.string().nullable(), isBusy: z.boolean() })
const atMost = 50

/** Ticks until the janitor has gone through the whole bucket, in as many steps as it takes. */
export async function sweepBucket(api: TestApi): Promise<void> {
  for (let left = atMost; left > 0; left -= 1) {
    await api.request('/api/tick', { method: 'POST' })
    const places = await api.deps.store.meta.many(['sweep:tidy-bucket', 'sweep:abort-uploads'])
    const open = places.map((doc) => Place.parse(JSON.parse(doc.json)))
    if (open.every(({ after, isBusy }) => after === null && !isBusy)) return
  }
  throw new Error(`the janitor was not through after ${atMost} ticks`)
}
