import { createHash } from 'node:crypto'
import { turns } from '../concurrency/turns.ts'
import { Failure } from '../failure.ts'
import { repeatableIds } from '../ids.ts'
import type { IdempotencyDoc } from '../store/documents/access.ts'
import type { Store } from '../store/store.ts'
import type { Body, Ctx } from './env.ts'
import { readBody } from './read-body.ts'

const lapseMs = 30_000
const keepMs = 24 * 3600 * 1000
const shortChars = 64 * 1024
const partChars = 16 * 1024

/**
 * Makes a POST with an `Idempotency-Key` safe to repeat. Its ids come from the record, so a repetition creates the same
 * documents. A duplicate insert means that the work is done; the answer is built from the existing documents.
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
  c.var.budget.take('idempotency keys')
  const caller = c.var.principal.grant?._id ?? c.var.principal.id
  const id = digest([caller, c.req.method, c.req.path, key].join('\n'))
  const bodyHash = await digestOf(await readBody(c))
  const begun = await begin(store, id, bodyHash, now)
  c.set('replayed', begun.record.status !== null)
  c.set('repeated', begun.repeated)
  // The secret part keeps other callers from predicting the ids of this record.
  c.set('ids', repeatableIds(begun.record.seed, `${id}\n${bodyHash}\n${begun.record.seed}`))
  return remember(store, begun.record, now, handle)
}

type Begun = { record: IdempotencyDoc; repeated: boolean }

/** The record of this key: new, of an interrupted request that this one continues, or of a success. */
async function begin(store: Store, id: string, bodyHash: string, now: Date): Promise<Begun> {
  const first: IdempotencyDoc = { _id: id, rev: 1, bodyHash, seed: now.getTime(), status: null, at: now }
  if (await store.idempotency.insert(first)) return { record: first, repeated: false }
  const seen: { refusal?: Failure; success?: IdempotencyDoc } = {}
  const change = await store.idempotency.change(id, (known) => {
    if (now.getTime() - known.seed > keepMs) return { ...first, rev: known.rev }
    seen.refusal = whyNot(known, bodyHash, now)
    seen.success = known.status === null ? undefined : known
    return seen.refusal || seen.success ? null : { ...known, at: now }
  })
  if (seen.refusal) throw seen.refusal
  if (seen.success) return { record: seen.success, repeated: true }
  if (change) return { record: change.after, repeated: change.after.seed !== first.seed }
  return begin(store, id, bodyHash, now) // the API rejected its first request meanwhile
}

function whyNot(known: IdempotencyDoc, bodyHash: string, now: Date): Failure | undefined {
  if (known.bodyHash !== bodyHash)
    return new Failure('idempotency_mismatch', 'This Idempotency-Key was used with another body.')
  if (known.status !== null || now.getTime() - known.at.getTime() >= lapseMs) return undefined
  return new Failure(
    'idempotency_in_progress',
    'The first request with this Idempotency-Key is still in flight.',
    { retryAfterSeconds: 2 },
  )
}

async function remember(
  store: Store,
  record: IdempotencyDoc,
  now: Date,
  handle: () => Promise<Response>,
): Promise<Response> {
  const answered = await handle().catch(async (error: unknown) => {
    if (isRefusal(error)) await forget(store, record._id)
    else await leaveOpen(store, record._id, now)
    throw error
  })
  if (record.status === null) {
    await store.idempotency.change(record._id, (doc) => ({ ...doc, status: answered.status, at: now }))
    return answered
  }
  const replayed = new Response(answered.body, { status: record.status, headers: answered.headers })
  replayed.headers.set('Idempotency-Replayed', 'true')
  return replayed
}

/** The request was at fault and changed nothing. Any other failure may have occurred between two writes. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Failure && error.code !== 'internal' && error.code !== 'unavailable'

/** Only a success is kept: a client may correct a rejected request and send it again. */
async function forget(store: Store, id: string): Promise<void> {
  const record = await store.idempotency.get(id)
  if (record && record.status === null) await store.idempotency.remove(id)
}

/** Unfinished work keeps its ids, and the next attempt continues it immediately. */
async function leaveOpen(store: Store, id: string, now: Date): Promise<void> {
  const at = new Date(now.getTime() - lapseMs)
  await store.idempotency.change(id, (doc) => (doc.status === null ? { ...doc, at } : null))
}

async function digestOf({ value, chars }: Body): Promise<string> {
  if (chars <= shortChars) return digest(canonical(value))
  const hash = createHash('sha256')
  const turn = turns()
  for (const some of canonicalParts(value)) {
    hash.update(some)
    await turn()
  }
  return hash.digest('hex')
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

/** The same JSON text for every order of keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (isPlain(inner) ? sorted(inner) : inner))
}

const isPlain = (value: unknown): value is object =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

const sorted = (value: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))

/** The same text in parts. Without recursion, so that the cost of a part does not depend on its depth. */
function* canonicalParts(value: unknown): Generator<string> {
  let text = ''
  const left: { ready?: string; value?: unknown }[] = [{ value }]
  for (let one = left.pop(); one; one = left.pop()) {
    if (one.ready !== undefined) text += one.ready
    else if (Array.isArray(one.value)) {
      const { value: list } = one
      left.push({ ready: ']' })
      for (let at = list.length - 1; at >= 0; at -= 1)
        left.push({ value: list[at] }, { ready: at === 0 ? '[' : ',' })
      if (list.length === 0) left.push({ ready: '[' })
    } else if (isPlain(one.value)) {
      const members = Object.entries(sorted(one.value))
      left.push({ ready: '}' })
      for (const [at, [key, inner]] of [...members.entries()].reverse())
        left.push({ value: inner }, { ready: `${at === 0 ? '{' : ','}${JSON.stringify(key)}:` })
      if (members.length === 0) left.push({ ready: '{' })
    } else text += JSON.stringify(one.value)
    if (text.length < partChars) continue
    yield text
    text = ''
  }
  yield text
}
