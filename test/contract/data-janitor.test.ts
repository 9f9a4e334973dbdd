import type { ApiPorts } from '@millrace/api'
import { type DataId, fromData } from '@millrace/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { ownStore } from '../support/own-store.ts'
import { refusalOf } from '../support/problem-of.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { sweepBucket } from '../support/sweep-bucket.ts'
import { announce, bytesOf, put, sha256Of } from '../support/upload-by-hand.ts'

const ownerKey = 'millrace-installation'
const clock = shiftedClock()
const unknownItem = 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV'
let bucket: Awaited<ReturnType<typeof ownStore>>
let api: TestApi
let agent: ScriptedAgent
/** The process of the API dies right before it inserts a data item. */
let isDying = false

beforeAll(async () => {
  bucket = await ownStore()
  api = await openApi(
    (deps) => ({ ...deps, clock, store: { ...deps.store, data: mortal(deps.store.data) } }),
    bucket.env,
  )
})
beforeEach(async () => {
  // The store has a separate clock: what it stores in one test must not be a day old in the next.
  clock.backToNow()
  for (const name of ['tidy-bucket', 'abort-uploads']) await api.deps.store.meta.remove(`sweep:${name}`)
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterAll(async () => {
  await api?.close()
  await bucket?.close()
})

const mortal = (data: ApiPorts['store']['data']): ApiPorts['store']['data'] => ({
  ...data,
  insert(doc) {
    if (isDying) throw new Error('the process ends here')
    return data.insert(doc)
  },
})

const complete = (id: string) => api.request(`/api/data/${id}/complete`, { method: 'POST' })
const isThere = async (key: string) => (await api.deps.objects.head(key)) !== null
const keys = async () => (await api.deps.objects.list('', '', 1_000)).objects.map(({ key }) => key)
const text = { name: 'a.txt', contentType: 'text/plain' }
const stored = (id: DataId) => api.deps.store.data.get(id)
async function sweepAfter(hours: number) {
  clock.forward(hours * 3600)
  await sweepBucket(api)
}
async function counts() {
  const metrics = await (await api.request('/metrics')).text()
  const count = (name: string) =>
    Number(metrics.match(new RegExp(`^millrace_janitor_${name}_total (\\d+)$`, 'm'))?.[1])
  return [count('objects_removed'), count('items_without_object'), count('uploads_aborted')]
}

describe('an object that nothing refers to', () => {
  test('is left when the API dies between a copy and the item that it was made for; it goes after a day', async () => {
    const bytes = bytesOf('copied within the store')
    const file = { ...text, size: bytes.byteLength, sha256: sha256Of(bytes) }
    const { data, upload } = await announce(api, file)
    expect(await put(upload, bytes)).toBe(200)
    expect((await complete(data.id)).status).toBe(200)
    const before = await keys()
    isDying = true
    expect((await api.post('/api/data', { label: 'again', file })).status).toBe(500)
    isDying = false
    const orphans = (await keys()).filter((key) => key.startsWith('incoming/') && !before.includes(key))
    expect(orphans).toHaveLength(1)
    const [removed = 0] = await counts()
    await sweepAfter(24)
    expect(await isThere(orphans[0] ?? '')).toBe(true)
    await sweepAfter(1.1)
    expect(await isThere(orphans[0] ?? '')).toBe(false)
    expect(await api.client.download(data.id)).toEqual(bytes)
    expect((await counts())[0]).toBe(removed + 1)
  })

  test('is put there by a URL that outlives its item, or that a newer one replaced', async () => {
    const gone = await announce(api, {})
    expect((await api.request(`/api/data/${gone.data.id}`, { method: 'DELETE' })).status).toBe(204)
    expect(await put(gone.upload, bytesOf('hello'))).toBe(200)
    const replaced = await announce(api, {})
    const fresh = await (await api.request(`/api/data/${replaced.data.id}/upload`, { method: 'POST' })).json()
    expect(await put(replaced.upload, bytesOf('OLD!!'))).toBe(200)
    expect(await put(fresh.upload, bytesOf('hello'))).toBe(200)
    expect((await complete(replaced.data.id)).status).toBe(200)
    const of = (id: string, upload: number) => isThere(`incoming/${id}/${upload}`)
    await sweepAfter(24)
    expect(await of(gone.data.id, 1)).toBe(true)
    await sweepAfter(1.1)
    expect(await of(gone.data.id, 1)).toBe(false)
    expect(await of(replaced.data.id, 1)).toBe(false)
    expect(await of(replaced.data.id, 2)).toBe(true)
    expect(await api.client.download(replaced.data.id)).toEqual(bytesOf('hello'))
  })

  test('is a file of a run that its task did not name at its end; logs stay', async () => {
    const task = await api.client.createTask({ module: 'echo', backoff: { initialSeconds: 0 } })
    const claim = async (run: string) => expect((await agent.claim([echo]))?.run).toBe(run)
    const upload = (run: string) => agent.upload(run, 'copy', 'a.txt', 'text/plain', bytesOf('hello'))
    const [first, second] = [`${task.id}.1`, `${task.id}.2`]
    const key = (attempt: number, output = 'copy') => `runs/${task.id}/${attempt}/${output}/0`
    await claim(first)
    await upload(first)
    await api.deps.objects.write(key(1, '$log'), '', 'application/x-ndjson')
    const error = { code: 'module_error' as const, message: 'try again', retryable: true }
    await agent.finish(first, { outcome: 'failed', result: {}, error })
    await api.request('/api/tick', { method: 'POST' })
    await sweepAfter(26)
    expect(await isThere(key(1))).toBe(true)

    await agent.registerAgain()
    await claim(second)
    const file = await upload(second)
    await agent.finish(second, { outcome: 'succeeded', result: { said: { value: 'x' }, copy: { file } } })
    await sweepAfter(26)
    expect(await isThere(key(1))).toBe(false)
    expect(await isThere(key(1, '$log'))).toBe(true)
    const copy = task.outputs.copy?.data ?? 'dat_'
    expect(await api.client.download(copy)).toEqual(bytesOf('hello'))
  })

  test('is removed together with others like it; foreign objects stay', async () => {
    const orphans = Array.from({ length: 40 }, (_, n) => `incoming/${unknownItem}/${n}`)
    const strange = ['incoming/read-me', `runs/${unknownItem}/1/copy/0`, 'elsewhere/a']
    const write = (key: string) => api.deps.objects.write(key, 'x', 'text/plain')
    const kept = await api.client.upload({ ...text, bytes: bytesOf('kept') })
    await Promise.all([...strange, ...orphans].map(write))
    const [removed = 0] = await counts()
    await sweepAfter(26)
    expect((await api.deps.objects.list(`incoming/${unknownItem}/`, '', 1_000)).objects).toEqual([])
    expect((await counts())[0]).toBe(removed + orphans.length)
    for (const key of strange) expect(await isThere(key), key).toBe(true)
    expect(await api.client.download(kept.id)).toEqual(bytesOf('kept'))
  })
})

describe('an item without its object', () => {
  test('fails, and the tasks that would have read it end with that reason', async () => {
    const [lost, kept] = await Promise.all(
      ['lost', 'kept'].map((one) => api.client.upload({ ...text, bytes: bytesOf(one) })),
    )
    if (!lost || !kept) throw new Error('no items')
    const first = await api.client.createTask({ module: 'echo' })
    const waiting = await api.client.createTask({
      module: 'echo',
      inputs: { file: fromData(lost.id) },
      after: [first.id],
    })
    expect(waiting.status).toBe('blocked')
    const [, before = 0] = await counts()
    await api.deps.objects.remove((await stored(lost.id))?.object ?? '')
    await sweepAfter(1.1)
    expect(await api.client.data(lost.id)).toMatchObject({
      status: 'failed',
      error: { code: 'object_missing', message: expect.stringContaining('not in the object store') },
    })
    expect(await stored(lost.id)).toMatchObject({ settle: null })
    expect((await api.client.data(kept.id)).status).toBe('available')
    expect((await counts())[1]).toBe(before + 1)
    expect(await refusalOf(await api.request(`/api/data/${lost.id}/content`))).toEqual({
      status: 409,
      code: 'data_not_available',
    })
    await api.client.cancelTask(first.id)
    expect(await api.client.task(waiting.id)).toMatchObject({ status: 'skipped' })
    await sweepAfter(1.1)
    expect((await counts())[1]).toBe(before + 1)
    expect((await api.request(`/api/data/${lost.id}`, { method: 'DELETE' })).status).toBe(204)
  })
})

describe('an upload in parts', () => {
  test('that no item goes on with is given up in the store', async () => {
    const { multipart } = api.deps.objects
    const large = { label: 'large', file: { name: 'large', size: 101 * 1024 * 1024 } }
    const { data } = await (await api.post('/api/data', large)).json()
    await api.post(`/api/data/${data.id}/parts`, { parts: [{ partNumber: 1 }] })
    const own = (await stored(data.id))?.multipart?.uploadId ?? ''
    const begin = (key: string) => multipart.begin(key, { contentType: 'text/plain', checksums: false })
    const abandoned = [`incoming/${unknownItem}/1`, `incoming/${data.id}/1`]
    const ids = [await begin(abandoned[0] ?? ''), await begin(abandoned[1] ?? '')]
    const foreign = await begin('elsewhere/b')
    const isOpen = async (key: string, id: string) => (await multipart.list(key, id)) !== null
    const [, , before = 0] = await counts()
    clock.forward(23 * 3600)
    await sweepBucket(api)
    expect(await isOpen(abandoned[0] ?? '', ids[0] ?? '')).toBe(true)
    expect(await isOpen(`incoming/${data.id}/1`, own)).toBe(true)
    // An upload may not last as long as that: this one was begun later than the store has it.
    await api.deps.store.data.change(data.id, (item) => ({ ...item, createdAt: clock.now() }))
    await sweepAfter(3)
    expect(await Promise.all(abandoned.map((key, at) => isOpen(key, ids[at] ?? '')))).toEqual([false, false])
    expect(await isOpen(`incoming/${data.id}/1`, own)).toBe(true)
    expect(await isOpen('elsewhere/b', foreign)).toBe(true)
    expect((await counts())[2]).toBe(before + 2)
  })
})

describe('a bucket that is not that of the database', () => {
  test('is left alone, and no item fails because of it', async () => {
    const kept = await api.client.upload({ ...text, bytes: bytesOf('kept') })
    const orphan = `incoming/${unknownItem}/1`
    await api.deps.objects.write(orphan, 'x', 'text/plain')
    const other = await openApi((deps) => ({ ...deps, clock }), bucket.env)
    clock.forward(26 * 3600)
    await sweepBucket(other)
    expect(await isThere(orphan)).toBe(true)
    await other.close()

    const owner = (await api.deps.objects.read(ownerKey)) ?? ''
    await api.deps.objects.remove(ownerKey)
    await api.deps.objects.remove((await stored(kept.id))?.object ?? '')
    await sweepAfter(1.1)
    expect(await isThere(orphan)).toBe(true)
    expect((await api.client.data(kept.id)).status).toBe('available')

    await api.deps.objects.write(ownerKey, owner, 'text/plain')
    await sweepAfter(1.1)
    expect(await isThere(orphan)).toBe(false)
    expect((await api.client.data(kept.id)).status).toBe('failed')
  })
})
