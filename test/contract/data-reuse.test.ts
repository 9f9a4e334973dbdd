import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { announce, bytesOf, put, sha256Of } from '../support/upload-by-hand.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

const bytes = bytesOf('bytes that are sent once')
const file = { name: 'b.txt', size: bytes.byteLength, contentType: 'text/plain', sha256: sha256Of(bytes) }
const create = async (more: object = {}) =>
  (await api.post('/api/data', { label: 'again', file: { ...file, ...more } })).json()

async function sendOnce() {
  const { data, upload } = await announce(api, file)
  expect(await put(upload, bytes)).toBe(200)
  await api.request(`/api/data/${data.id}/complete`, { method: 'POST' })
  return data
}

test('bytes that the store has verified before need not be sent again', async () => {
  const first = await sendOnce()
  const { data, upload } = await create()
  expect(upload).toBeNull()
  expect(data).toMatchObject({ status: 'available', size: file.size, sha256: file.sha256, fileName: 'b.txt' })
  expect(data.id).not.toBe(first.id)

  expect((await api.request(`/api/data/${first.id}`, { method: 'DELETE' })).status).toBe(204)
  expect(Buffer.from(await api.client.download(data.id)).toString()).toBe('bytes that are sent once')
  expect((await create({ contentType: 'text/markdown' })).data).toMatchObject({
    status: 'available',
    contentType: 'text/markdown',
  })
})

test('but bytes that are not what they are called now are', async () => {
  expect((await create()).upload).toBeNull() // held since the test before
  const { data, upload } = await create({ contentType: 'image/png' })
  expect(data.status).toBe('uploading')
  expect(upload.url).toContain(data.id)
  expect(await api.deps.objects.head(`incoming/${data.id}/1`)).toBeNull()
})

test('nor do bytes count that were promised and never came', async () => {
  const promised = { sha256: 'a'.repeat(64) }
  expect((await create(promised)).data.status).toBe('uploading')
  expect((await create(promised)).data.status).toBe('uploading')
})

test('an object that has gone from the store is sent again', async () => {
  const other = bytesOf('lost in the store')
  const more = { size: other.byteLength, sha256: sha256Of(other) }
  const { data, upload } = await announce(api, { ...file, ...more })
  expect(await put(upload, other)).toBe(200)
  await api.request(`/api/data/${data.id}/complete`, { method: 'POST' })
  await api.deps.objects.remove(`incoming/${data.id}/1`)
  const again = await create(more)
  expect(again.data.status).toBe('uploading')
  expect(await put(again.upload, other)).toBe(200)
})
