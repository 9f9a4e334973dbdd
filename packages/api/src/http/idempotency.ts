import { createHash } from 'node:crypto'
import { Failure } from '../failure.ts'
import { repeatableIds } from '../ids.ts'
import type { Store } from '../store/store.ts'
import type { Ctx } from './env.ts'
import { readBody } from './read-body.ts'

const lapseMs = 30_000
const keepMs = 24 * 3600 * 1000

/**
 * Lets a POST with an `Idempotency-Key` be sent again. Its ids come from the record, so a repetition makes the
 * same documents: a duplicate insert means that it is done, and the answer is built again from what is there.
 */
export async function withIdempotency(
  store: Store,
  c: Ctx,
  now: Date,
  handle: () => Promise<Response>,
): Promise<Response> {
  const key = c.req.header('idempotency-key')
  if (key === undefined) return handle()
  if (key.length === 0 || key.length > 255)
    throw new Failure('invalid_request', 'Idempotency-Key must have 1 to 255 characters.')
  const id = digest([c.var.principal.id, c.req.method, c.req.path, key].join('\n'))
  const bodyHash = digest(canonical(await readBody(c)))
  const first = { _id: id, rev: 1, bodyHash, seed: now.getTime(), status: null, at: now }
  const known = (await store.idempotency.insert(first)) ? null : await store.idempotency.get(id)
  const record = known && now.getTime() - known.seed > keepMs ? first : (known ?? first)

  if (known && record === known) {
    if (known.bodyHash !== bodyHash)
      throw new Failure('idempotency_mismatch', 'This Idempotency-Key was used with another body.')
    if (known.status === null && now.getTime() - known.at.getTime() < lapseMs) {
      throw new Failure(
        'idempotency_in_progress',
        'The first request with this Idempotency-Key is still in flight.',
        { retryAfterSeconds: 2 },
      )
    }
    c.set('replayed', known.status !== null)
  }
  if (known && known.status === null) await store.idempotency.change(known, (doc) => ({ ...doc, at: now }))
  if (known && record === first) await store.idempotency.change(known, (doc) => ({ ...first, rev: doc.rev }))
  // The secret part keeps ids of one caller's record from being foreseen by another.
  c.set('ids', repeatableIds(record.seed, `${id}\n${bodyHash}\n${record.seed}`))
  return remember(store, c, id, now, handle)
}

async function remember(
  store: Store,
  c: Ctx,
  id: string,
  now: Date,
  handle: () => Promise<Response>,
): Promise<Response> {
  const answered = await handle().catch(async (error: unknown) => {
    await forget(store, id)
    throw error
  })
  if (answered.status >= 300) await forget(store, id)
  else if (!c.var.replayed)
    await store.idempotency.change(id, (doc) => ({ ...doc, status: answered.status, at: now }))
  if (!c.var.replayed) return answered
  answered.headers.set('Idempotency-Replayed', 'true')
  return answered
}

/** Only a success is remembered: a refused request may be mended and sent again. */
async function forget(store: Store, id: string): Promise<void> {
  const record = await store.idempotency.get(id)
  if (record && record.status === null) await store.idempotency.remove(id)
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

/** The same JSON in whatever order its keys came. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
