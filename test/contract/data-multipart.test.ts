import { randomBytes } from 'node:crypto'
import type { DataId, PartUrls, UploadedParts } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { sha256Of } from '../support/upload-by-hand.ts'

const MiB = 1024 * 1024
const partSize = 16 * MiB
const size = 100 * MiB + 1
let api: TestApi
let bytes: Buffer<ArrayBuffer>
beforeAll(async () => {
  api = await openApi()
  bytes = Buffer.from(randomBytes(size))
})
afterAll(() => api.close())

const partOf = (n: number) => bytes.subarray((n - 1) * partSize, n * partSize)
const file = { name: 'big.bin', size, contentType: 'application/octet-stream' }

async function begin(): Promise<DataId> {
  const { data, upload } = await (await api.post('/api/data', { label: 'big', file })).json()
  expect(upload).toMatchObject({ kind: 'multipart', partSize, partCount: 7 })
  expect(data.status).toBe('uploading')
  return data.id
}
const ask = (id: string, parts: object[]) => api.post(`/api/data/${id}/parts`, { parts })
async function urls(id: string, numbers: number[], checksums = false): Promise<PartUrls['parts']> {
  const parts = numbers.map((partNumber) => ({
    partNumber,
    ...(checksums ? { sha256: sha256Of(partOf(partNumber)) } : {}),
  }))
  return (await (await ask(id, parts)).json()).parts
}
/** A store may answer and close before it has read a body that it refuses: the sender sees the answer, or a reset. */
async function send(part: PartUrls['parts'][number] | undefined, body: Uint8Array<ArrayBuffer>) {
  if (!part) throw new Error('no URL')
  try {
    const response = await fetch(part.url, { method: 'PUT', headers: part.headers, body })
    await response.body?.cancel()
    return response.status
  } catch (error) {
    if (error instanceof Error && /ECONNRESET|EPIPE/.test(String(error.cause))) return 'reset'
    throw error
  }
}
const uploaded = async (id: string): Promise<UploadedParts> =>
  (await api.request(`/api/data/${id}/parts`)).json()
const complete = (id: string) => api.request(`/api/data/${id}/complete`, { method: 'POST' })

describe('a file above 100 MiB', () => {
  test('comes in parts: listed as they arrive, and available when all have arrived', async () => {
    const id = await begin()
    expect(await uploaded(id)).toEqual({ partSize, partCount: 7, uploaded: [] })
    expect(await refusalOf(await complete(id))).toEqual({ status: 409, code: 'upload_incomplete' })
    const parts = await urls(id, [1, 2, 3, 4, 5, 6, 7])
    for (const part of parts.slice(0, 6)) expect(await send(part, partOf(part.partNumber))).toBe(200)
    expect((await uploaded(id)).uploaded.map(({ partNumber }) => partNumber)).toEqual([1, 2, 3, 4, 5, 6])
    const early = await complete(id)
    expect(early.status).toBe(409)
    expect((await early.json()).detail).toContain('7')
    expect(await send(parts[6], partOf(7))).toBe(200)
    const done = await Promise.all(Array.from({ length: 6 }, () => complete(id)))
    for (const one of done) expect((await one.json()).data).toMatchObject({ status: 'available', size })
    expect(sha256Of(await api.client.download(id))).toBe(sha256Of(bytes))
    expect([404, 'reset']).toContain(await send(parts[0], partOf(2)))
    expect(await refusalOf(await ask(id, [{ partNumber: 1 }]))).toEqual({
      status: 409,
      code: 'upload_finished',
    })
  })

  test('takes no part of another size, and with a checksum none of other bytes', async () => {
    const id = await begin()
    const [first, second] = await urls(id, [1, 2], true)
    expect([403, 'reset']).toContain(await send(first, partOf(1).subarray(1)))
    expect([400, 'reset']).toContain(await send(first, partOf(2)))
    expect((await uploaded(id)).uploaded).toEqual([])
    expect(await send(first, partOf(1))).toBe(200)
    expect(await send(second, partOf(2))).toBe(200)
    expect(await refusalOf(await ask(id, [{ partNumber: 3 }]))).toMatchObject({
      status: 422,
      paths: ['/parts'],
    })
  })

  test('takes no checksums when the store ignores those of parts, and says what to do', async () => {
    const ignoring = await openApi((deps) => ({
      ...deps,
      objects: {
        ...deps.objects,
        multipart: { ...deps.objects.multipart, verifiesParts: async () => false },
      },
    }))
    const { data } = await (await ignoring.post('/api/data', { label: 'big', file })).json()
    const asked = (sha256?: string) =>
      ignoring.post(`/api/data/${data.id}/parts`, { parts: [{ partNumber: 1, sha256 }] })
    const refused = await asked(sha256Of(partOf(1)))
    expect(refused.status).toBe(422)
    expect((await refused.json()).detail).toMatch(
      /^Parts cannot carry sha256: the object store does not verify .* Leave it out \(.*checksums: false\)/,
    )
    expect((await asked()).status).toBe(200)
    await ignoring.close()
  })

  test('begins once, however many ask at the same time, and is never begun again', async () => {
    const id = await begin()
    const asked = await Promise.all([1, 2, 3, 4].map((n) => urls(id, [n])))
    const uploads = asked.map(([part]) => new URL(part?.url ?? '').searchParams.get('uploadId'))
    expect(new Set(uploads).size).toBe(1)
    expect(await send(asked[0]?.[0], partOf(1))).toBe(200)
    const again = await (await api.request(`/api/data/${id}/upload`, { method: 'POST' })).json()
    expect(again.upload).toMatchObject({ kind: 'multipart', partCount: 7 })
    expect((await uploaded(id)).uploaded).toHaveLength(1)
  })

  test('may not promise a checksum of the whole, nor has it parts beyond its end', async () => {
    const refused = await api.post('/api/data', { label: 'big', file: { ...file, sha256: 'a'.repeat(64) } })
    expect(refused.status).toBe(422)
    const id = await begin()
    for (const parts of [[{ partNumber: 8 }], [{ partNumber: 0 }], [], [{ partNumber: 1, size: 3 }]])
      expect((await ask(id, parts)).status).toBe(422)
  })

  test('is sent by the client with progress, stopped half way, and gone on with where it was', async () => {
    const stop = new AbortController()
    let item: DataId | undefined
    const progress: number[] = []
    const first = api.client.uploadFile(new Blob([bytes]), {
      name: 'big.bin',
      parallel: 1,
      checksums: true,
      signal: stop.signal,
      onCreated: ({ id }) => {
        item = id
      },
      onProgress: ({ sent }) => {
        progress.push(sent)
        if (sent >= 3 * partSize) stop.abort(new Error('the page was closed'))
      },
    })
    await expect(first).rejects.toThrow('the page was closed')
    expect(progress).toEqual([0, 1, 2, 3].map((parts) => parts * partSize))
    const rest: number[] = []
    const done = await api.client.uploadFile(new Blob([bytes]), {
      resume: item,
      checksums: true,
      onProgress: ({ sent }) => rest.push(sent),
    })
    expect(done).toMatchObject({ id: item, status: 'available', size })
    expect(rest[0]).toBe(3 * partSize)
    expect(rest.at(-1)).toBe(size)
    expect(sha256Of(await api.client.download(done.id))).toBe(sha256Of(bytes))
  })
})

test('a small file has no parts', async () => {
  const { data } = await (
    await api.post('/api/data', { label: 'small', file: { name: 'a', size: 5 } })
  ).json()
  expect(await refusalOf(await ask(data.id, [{ partNumber: 1 }]))).toEqual({ status: 409, code: 'conflict' })
  expect((await ask('dat_01ARZ3NDEKTSV4RRFFQ69G5FAV', [{ partNumber: 1 }])).status).toBe(404)
})
