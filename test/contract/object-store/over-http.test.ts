import { PartUrls } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../../support/api-in-process.ts'
import { type OpenStore, objectStores, openStore } from '../../support/object-stores.ts'
import { refusalOf } from '../../support/problem-of.ts'
import { announce, bytesOf, put, sha256Of } from '../../support/upload-by-hand.ts'

const MiB = 1024 * 1024

/** What every other test of data does over the default store. */
describe.each(objectStores)('the API over %s', (_, start) => {
  let api: TestApi
  let store: OpenStore
  beforeAll(async () => {
    const running = await start()
    store = await openStore(async () => running)
    api = await openApi(undefined, running.env)
  })
  afterAll(async () => {
    await api?.close()
    await store?.close()
  })

  const complete = (id: string) => api.request(`/api/data/${id}/complete`, { method: 'POST' })
  const remove = (id: string) => api.request(`/api/data/${id}`, { method: 'DELETE' })
  const keyOf = (id: string, upload = 1) => `incoming/${id}/${upload}`
  async function served(id: string, init?: RequestInit): Promise<Response> {
    const { url } = await (await api.request(`/api/data/${id}/content?redirect=0`)).json()
    return fetch(url, init)
  }

  test('it reports that the store answers', async () => {
    const answer = await api.request('/readyz', { key: null })
    expect(await answer.json()).toMatchObject({ s3: 'ok' })
  })

  test('a file is announced, sent, completed, served under its name, and deleted', async () => {
    const { data, upload } = await announce(api, { name: 'фото.txt', size: 7 })
    expect(await refusalOf(await complete(data.id))).toEqual({ status: 409, code: 'upload_incomplete' })
    expect(await put(upload, bytesOf('a story'))).toBe(200)
    const { data: done } = await (await complete(data.id)).json()
    expect(done).toMatchObject({ status: 'available', type: 'text', size: 7 })
    const there = { size: 7, type: 'text/plain', text: 'a story', more: {} }
    expect(await store.see(keyOf(data.id))).toEqual(there)

    const whole = await served(data.id)
    expect(whole.headers.get('content-type')).toMatch(/^text\/plain/)
    expect(decodeURIComponent(whole.headers.get('content-disposition') ?? '')).toContain("UTF-8''фото.txt")
    expect(await whole.text()).toBe('a story')
    const part = await served(data.id, { headers: { range: 'bytes=2-' } })
    expect([part.status, await part.text()]).toEqual([206, 'story'])

    expect((await remove(data.id)).status).toBe(204)
    expect(await store.see(keyOf(data.id))).toBeNull()
  })

  test('bytes other than announced are not available; an upload to a fresh URL corrects that', async () => {
    const { data, upload } = await announce(api, { name: 'a.png', size: 5, contentType: 'image/png' })
    expect(await put(upload, bytesOf('hello'))).toBe(200)
    expect(await refusalOf(await complete(data.id))).toMatchObject({ status: 409 })
    const fresh = await (await api.request(`/api/data/${data.id}/upload`, { method: 'POST' })).json()
    expect(fresh.upload.url).toContain(keyOf(data.id, 2))
  })

  test('bytes that the store has verified are not sent again, and outlive the item that brought them', async () => {
    const bytes = bytesOf('sent once')
    const file = { size: bytes.byteLength, sha256: sha256Of(bytes) }
    const { data, upload } = await announce(api, file)
    expect(await put(upload, bytes)).toBe(200)
    expect((await (await complete(data.id)).json()).data).toMatchObject({ sha256: file.sha256 })
    const body = { label: 'again', file: { name: 'b.txt', contentType: 'text/plain', ...file } }
    const again = await (await api.post('/api/data', body)).json()
    expect(again).toMatchObject({ upload: null, data: { status: 'available', sha256: file.sha256 } })
    expect((await remove(data.id)).status).toBe(204)
    expect(await store.see(keyOf(data.id))).toBeNull()
    expect(await store.see(keyOf(again.data.id))).toMatchObject({ text: 'sent once' })
  })

  describe('a file above 100 MiB', () => {
    const partSize = 16 * MiB
    const size = 100 * MiB + 1
    const bytes = Buffer.alloc(size, 'not the same in any two parts, ')
    const partOf = (n: number) => bytes.subarray((n - 1) * partSize, n * partSize)
    const body = { label: 'big', file: { name: 'big.bin', size, contentType: 'application/octet-stream' } }

    async function begun(): Promise<string> {
      const { data } = await (await api.post('/api/data', body)).json()
      return data.id
    }
    async function send(id: string, numbers: number[], checksums = false): Promise<void> {
      const asked = numbers.map((partNumber) => ({
        partNumber,
        ...(checksums ? { sha256: sha256Of(partOf(partNumber)) } : {}),
      }))
      const answer = await api.post(`/api/data/${id}/parts`, { parts: asked })
      for (const part of PartUrls.parse(await answer.json()).parts)
        expect(await put(part, partOf(part.partNumber))).toBe(200)
    }
    const unfinished = (id: string) =>
      store.as('manage').listIncompleteUploads(store.bucket, keyOf(id), true).toArray()
    const arrived = async (id: string) => {
      const { uploaded } = await (await api.request(`/api/data/${id}/parts`)).json()
      return uploaded.map(({ partNumber }: { partNumber: number }) => partNumber)
    }

    test('begins in the store with the first part that is asked for; deleted half way it leaves nothing', async () => {
      const id = await begun()
      expect(await unfinished(id)).toEqual([])
      await send(id, [7])
      expect(await unfinished(id)).toMatchObject([{ key: keyOf(id) }])
      expect(await arrived(id)).toEqual([7])
      expect(await refusalOf(await complete(id))).toEqual({ status: 409, code: 'upload_incomplete' })
      expect((await remove(id)).status).toBe(204)
      expect(await unfinished(id)).toEqual([])
    })

    test('is put together of its parts, each with a checksum, served, and deleted', async () => {
      const id = await begun()
      await send(id, [7, 1, 2, 3, 4, 5, 6], true)
      expect(await arrived(id)).toEqual([1, 2, 3, 4, 5, 6, 7])
      const both = await Promise.all([complete(id), complete(id)])
      for (const one of both) expect(await one.json()).toMatchObject({ data: { status: 'available', size } })
      expect(await store.objects.head(keyOf(id))).toMatchObject({ size, sha256: null })
      expect(sha256Of(Buffer.from(await (await served(id)).arrayBuffer()))).toBe(sha256Of(bytes))
      expect((await remove(id)).status).toBe(204)
      expect(await store.objects.head(keyOf(id))).toBeNull()
    })
  })
})
