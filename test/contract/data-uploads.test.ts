import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { announce, bytesOf, put, sha256Of } from '../support/upload-by-hand.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

const hello = bytesOf('hello')
const complete = (id: string) => api.request(`/api/data/${id}/complete`, { method: 'POST' })
const fresh = async (id: string) => (await api.request(`/api/data/${id}/upload`, { method: 'POST' })).json()

describe('a file of up to 100 MiB', () => {
  test('is uploaded with one PUT of exactly the given headers, and available after complete', async () => {
    const { data, upload } = await announce(api, { sha256: sha256Of(hello).toUpperCase() })
    expect(data).toMatchObject({
      status: 'uploading',
      isFile: true,
      type: 'text',
      size: 5,
      fileName: 'a.txt',
    })
    expect(data.sha256).toBeUndefined()
    expect(upload).toMatchObject({ kind: 'single', method: 'PUT' })
    expect(Object.keys(upload.headers).sort()).toEqual([
      'content-type',
      'if-none-match',
      'x-amz-checksum-sha256',
    ])
    expect(upload.url).toContain(`/incoming/${data.id}/1?`)
    expect(Date.parse(upload.expiresAt)).toBeGreaterThan(Date.now() + 60_000)
    expect(await put(upload, hello)).toBe(200)
    const done = await (await complete(data.id)).json()
    expect(done.data).toMatchObject({ id: data.id, status: 'available', sha256: sha256Of(hello), size: 5 })
  })

  test('needs no checksum; then none is shown', async () => {
    const { data, upload } = await announce(api, {})
    expect(Object.keys(upload.headers).sort()).toEqual(['content-type', 'if-none-match'])
    expect(await put(upload, hello)).toBe(200)
    expect((await (await complete(data.id)).json()).data.sha256).toBeUndefined()
  })

  test('may be empty', async () => {
    const { data, upload } = await announce(api, { size: 0 })
    expect(await put(upload, new Uint8Array())).toBe(200)
    expect((await complete(data.id)).status).toBe(200)
    expect(await api.client.download(data.id)).toHaveLength(0)
  })

  test('of more cannot be announced with a checksum', async () => {
    const body = { label: 'big', file: { name: 'a', size: 100 * 1024 * 1024 + 1, sha256: sha256Of(hello) } }
    expect(await refusalOf(await api.post('/api/data', body))).toMatchObject({ status: 422 })
  })
})

describe('the URL takes nothing else', () => {
  test('no other length, type or checksum', async () => {
    const right = bytesOf('howdy') // not held by the store yet, as hello is
    const { data, upload } = await announce(api, { sha256: sha256Of(right) })
    expect(await put(upload, bytesOf('longer'))).toBe(403)
    expect(await put(upload, bytesOf('shor'))).toBe(403)
    expect(await put(upload, right, { 'content-type': 'text/html' })).toBe(403)
    expect(await put(upload, bytesOf('HELLO'))).toBe(400)
    const other = Buffer.from(sha256Of(bytesOf('HELLO')), 'hex').toString('base64')
    expect(await put(upload, bytesOf('HELLO'), { 'x-amz-checksum-sha256': other })).toBe(403)
    expect(await refusalOf(await complete(data.id))).toEqual({ status: 409, code: 'upload_incomplete' })
    expect((await api.client.data(data.id)).status).toBe('uploading')
    expect(await put(upload, right)).toBe(200)
    expect((await complete(data.id)).status).toBe(200)
  })

  test('no second PUT: 412, and the first bytes stay', async () => {
    const { data, upload } = await announce(api, {})
    expect(await put(upload, hello)).toBe(200)
    expect(await put(upload, bytesOf('HELLO'))).toBe(412)
    expect((await complete(data.id)).status).toBe(200)
    expect(await put(upload, bytesOf('HELLO'))).toBe(412)
    expect(await api.client.download(data.id)).toEqual(hello)
  })

  test('no repetition without If-None-Match, no copy from elsewhere, no reading, no deleting', async () => {
    const secret = await api.client.upload({ name: 's', contentType: 'text/plain', bytes: bytesOf('other') })
    const { data, upload } = await announce(api, {})
    const { 'if-none-match': _, ...without } = upload.headers
    const plain = await fetch(upload.url, { method: 'PUT', headers: without, body: hello })
    const refused = [400, 403]
    expect(refused).toContain(plain.status)
    const stored = await api.deps.store.data.get(secret.id)
    const bucket = new URL(upload.url).pathname.split('/')[1]
    const copy = { 'x-amz-copy-source': `/${bucket}/${stored?.object}` }
    expect(refused).toContain(await put(upload, hello, copy))
    expect(refused).toContain((await fetch(upload.url)).status)
    expect(refused).toContain((await fetch(upload.url, { method: 'DELETE' })).status)
    expect(await refusalOf(await complete(data.id))).toEqual({ status: 409, code: 'upload_incomplete' })
  })
})

describe('complete', () => {
  test('before the bytes arrived is upload_incomplete; the item stays uploading', async () => {
    const { data } = await announce(api, {})
    expect(await refusalOf(await complete(data.id))).toEqual({ status: 409, code: 'upload_incomplete' })
    expect((await api.client.data(data.id)).status).toBe('uploading')
  })

  test('of other bytes than announced is upload_mismatch; an upload to a fresh URL corrects it', async () => {
    for (const promised of [{ size: 6 }, { contentType: 'text/html' }, { sha256: sha256Of(bytesOf('x')) }]) {
      const { data } = await announce(api, promised)
      // As if another user of the store had stored it.
      await api.deps.objects.write(`incoming/${data.id}/1`, 'hello', 'text/plain')
      expect(await refusalOf(await complete(data.id))).toEqual({ status: 409, code: 'upload_mismatch' })
      expect((await api.client.data(data.id)).status).toBe('uploading')
      expect((await fresh(data.id)).upload.url).toContain(`/incoming/${data.id}/2?`)
      expect(await refusalOf(await complete(data.id))).toEqual({ status: 409, code: 'upload_incomplete' })
    }
  })

  test('twice, or by many at once, is harmless', async () => {
    const { data, upload } = await announce(api, {})
    await put(upload, hello)
    const answers = await Promise.all(Array.from({ length: 5 }, () => complete(data.id)))
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200])
    const again = await complete(data.id)
    expect(again.status).toBe(200)
    expect((await again.json()).data).toEqual(await api.client.data(data.id))
  })

  test('of a value is harmless: it is available already', async () => {
    const item = await api.client.createValue({ label: 'v', value: 1 })
    expect((await complete(item.id)).status).toBe(200)
  })
})

describe('a fresh URL', () => {
  test('has a new key, and bytes under the old one change nothing', async () => {
    const { data, upload } = await announce(api, {})
    const second = await fresh(data.id)
    expect(second.upload.url).toContain(`/incoming/${data.id}/2?`)
    expect(await put(upload, bytesOf('OLD!!'))).toBe(200)
    expect(await refusalOf(await complete(data.id))).toEqual({ status: 409, code: 'upload_incomplete' })
    expect(await put(second.upload, hello)).toBe(200)
    expect((await complete(data.id)).status).toBe(200)
    expect(await api.client.download(data.id)).toEqual(hello)
  })

  test('is refused for a finished item: upload_finished', async () => {
    const file = await api.client.upload({ name: 'a', contentType: 'text/plain', bytes: hello })
    const value = await api.client.createValue({ label: 'v', value: 1 })
    for (const { id } of [file, value])
      expect(await refusalOf(await api.request(`/api/data/${id}/upload`, { method: 'POST' }))).toEqual({
        status: 409,
        code: 'upload_finished',
      })
  })
})
