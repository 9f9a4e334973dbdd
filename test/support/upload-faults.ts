import { request } from 'node:http'
import type { DataId } from '@millrace/client'
import { expect, vi } from 'vitest'
import type { TestApi } from './api-in-process.ts'
import { announce, bytesOf, put, sha256Of, type Upload } from './upload-by-hand.ts'

type Bytes = Uint8Array<ArrayBuffer>
/** What became of an item: the bytes that it must have, or that it must not be available. */
export type Fate = { id: DataId; bytes: Bytes | null }
/** What can go wrong with the nth upload. Every other fault is repaired in the end. */
export type UploadFault = (api: TestApi, n: number) => Promise<Fate>

const inParallel = 32

export const uploadFaults = {
  'aborted midway': async (api, n) => {
    const bytes = content('aborted', n)
    const { data, upload } = await announce(api, fileOf(bytes))
    await putHalf(upload, bytes)
    return mendedOrNot(api, n, data.id, upload, bytes)
  },

  'too short': async (api, n) => {
    const bytes = content('short', n)
    const { data, upload } = await announce(api, fileOf(bytes))
    expect(await put(upload, bytes.slice(1))).toBe(403)
    return mendedOrNot(api, n, data.id, upload, bytes)
  },

  'too long': async (api, n) => {
    const bytes = content('long', n)
    const { data, upload } = await announce(api, fileOf(bytes))
    expect(await put(upload, bytesOf(`${n} and more ${'x'.repeat(bytes.byteLength)}`))).toBe(403)
    return mendedOrNot(api, n, data.id, upload, bytes)
  },

  'of a wrong checksum': async (api, n) => {
    const bytes = content('checksum', n)
    const { data, upload } = await announce(api, { ...fileOf(bytes), sha256: sha256Of(bytes) })
    expect(await put(upload, damaged(bytes))).toBe(400)
    return mendedOrNot(api, n, data.id, upload, bytes)
  },

  'completed twice': async (api, n) => {
    const { id, bytes } = await sent(api, content('twice', n))
    for (let time = 0; time < 2; time += 1) expect((await complete(api, id)).status).toBe(200)
    return { id, bytes }
  },

  'completed by many at once': async (api, n) => {
    const { id, bytes } = await sent(api, content('at once', n))
    const answers = await Promise.all(Array.from({ length: 4 }, () => complete(api, id)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    return { id, bytes }
  },

  'sent again by the same URL after the end': async (api, n) => {
    const { id, bytes, upload } = await sent(api, content('again', n))
    expect((await complete(api, id)).status).toBe(200)
    expect(await put(upload, damaged(bytes))).toBe(412)
    const { 'if-none-match': _, ...unconditional } = upload.headers
    expect([400, 403]).toContain(await put({ ...upload, headers: unconditional }, damaged(bytes)))
    return { id, bytes }
  },

  'sent by an older URL after the end, and by none that is asked for then': async (api, n) => {
    const bytes = content('older', n)
    const { data, upload: older } = await announce(api, fileOf(bytes))
    const { upload } = await fresh(api, data.id)
    expect(await put(upload, bytes)).toBe(200)
    expect((await complete(api, data.id)).status).toBe(200)
    expect(await put(older, damaged(bytes))).toBe(200)
    expect((await complete(api, data.id)).status).toBe(200)
    expect((await api.request(`/api/data/${data.id}/upload`, { method: 'POST' })).status).toBe(409)
    return { id: data.id, bytes }
  },
} satisfies Record<string, UploadFault>

/** The same fault `count` times, some at once. */
export async function manyTimes(count: number, api: TestApi, fault: UploadFault): Promise<Fate[]> {
  return inBatches(
    Array.from({ length: count }, (_, n) => n),
    (n) => fault(api, n),
  )
}

/** URLs that are used after their quarter of an hour. They are signed while it is still earlier. */
export async function expiredUrls(count: number, api: TestApi): Promise<Fate[]> {
  const all = Array.from({ length: count }, (_, n) => content('expired', n))
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 16 * 60 * 1000 })
  const announced = await inBatches(all, async (bytes) => ({
    bytes,
    ...(await announce(api, fileOf(bytes))),
  }))
  vi.useRealTimers()
  return inBatches([...announced.entries()], async ([n, { bytes, data, upload }]) => {
    expect(await put(upload, bytes)).toBe(403)
    return mendedOrNot(api, n, data.id, n % 2 === 0 ? (await fresh(api, data.id)).upload : upload, bytes)
  })
}

/** Holds every item against its fate: it is available, once, with exactly the bytes that were promised, or not at all. */
export async function expectFates(api: TestApi, fates: readonly Fate[]): Promise<void> {
  await inBatches(fates, async ({ id, bytes }) => {
    const item = await api.deps.store.data.get(id)
    expect(item).toMatchObject({ status: bytes ? 'available' : 'uploading', settle: null })
    if (!bytes) return expect(item?.object).toBeNull()
    // Inserted, perhaps given a fresh URL, completed, settled: nothing was written twice.
    expect(item?.rev).toBe(item?.uploads === 2 ? 4 : 3)
    expect(sha256Of(await api.client.download(id))).toBe(sha256Of(bytes))
  })
}

async function mendedOrNot(api: TestApi, n: number, id: DataId, upload: Upload, bytes: Bytes): Promise<Fate> {
  const early = await complete(api, id)
  expect(early.status).toBe(409)
  expect((await early.json()).code).toBe('upload_incomplete')
  if (n % 2 === 1) return { id, bytes: null }
  expect(await put(upload, bytes)).toBe(200)
  expect((await complete(api, id)).status).toBe(200)
  return { id, bytes }
}

async function sent(api: TestApi, bytes: Bytes) {
  const { data, upload } = await announce(api, fileOf(bytes))
  expect(await put(upload, bytes)).toBe(200)
  return { id: data.id, bytes, upload }
}

/** Half of the bytes, and then the connection is gone. */
async function putHalf(upload: Upload, bytes: Bytes): Promise<void> {
  const over = Promise.withResolvers<void>()
  const headers = { ...upload.headers, 'content-length': bytes.byteLength }
  const sending = request(upload.url, { method: 'PUT', headers })
  sending.on('error', () => undefined) // its own end
  sending.on('response', () => over.reject(new Error('the store answered half a file')))
  sending.on('close', over.resolve)
  sending.write(bytes.subarray(0, bytes.byteLength / 2), () => sending.destroy())
  await over.promise
}

const complete = (api: TestApi, id: DataId) => api.request(`/api/data/${id}/complete`, { method: 'POST' })

async function fresh(api: TestApi, id: DataId): Promise<{ upload: Upload }> {
  const response = await api.request(`/api/data/${id}/upload`, { method: 'POST' })
  expect(response.status).toBe(200)
  return response.json()
}

const content = (what: string, n: number): Bytes => bytesOf(`${what} ${n}\n`.repeat(50))
const damaged = (bytes: Bytes): Bytes => bytes.map((byte) => byte ^ 1)
const fileOf = (bytes: Bytes) => ({ size: bytes.byteLength, contentType: 'application/octet-stream' })

async function inBatches<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = []
  for (let at = 0; at < all.length; at += inParallel)
    done.push(...(await Promise.all(all.slice(at, at + inParallel).map(work))))
  return done
}
