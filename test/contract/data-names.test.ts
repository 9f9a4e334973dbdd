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
const emoji = '🎬👩‍🔬'
const create = (name: string) =>
  api.post('/api/data', { label: 'named', file: { name, size: 5, contentType: 'text/plain' } })
/** The headers and the bytes of a download from the store. */
async function downloaded(id: string) {
  const { url } = await (await api.request(`/api/data/${id}/content?redirect=0`)).json()
  const response = await fetch(url)
  const [, ascii, encoded = ''] =
    (response.headers.get('content-disposition') ?? '').match(
      /^attachment; filename="([^"\\]*)"; filename\*=UTF-8''([\w.%~-]+)$/,
    ) ?? []
  return {
    status: response.status,
    ascii,
    name: decodeURIComponent(encoded),
    bytes: new Uint8Array(await response.arrayBuffer()),
  }
}

describe('a file name', () => {
  test.each([
    ['with slashes', '/etc/../a\\b.txt', '_etc_.._a_b.txt'],
    ['with NUL', 'a\u0000b.txt', 'ab.txt'],
    ['with quotes', `a"b'c.txt`, `a"b'c.txt`],
    ['of emoji', `${emoji}.mp4`, '🎬👩🔬.mp4'],
    ['of dots', '..', 'file'],
    ['that is a device of Windows', 'CON', '_CON'],
    ['that is one with an extension', 'nul.txt', '_nul.txt'],
    ['that ends with dots and spaces', 'a.txt . ', 'a.txt'],
    ['that is turned round', 'photo\u202egnp.exe', 'photognp.exe'],
    ['of 255 characters', '水'.repeat(255), '水'.repeat(255)],
  ])('%s is kept as it came, and is safe where it is downloaded', async (_, name, safe) => {
    const { data, upload } = await announce(api, { name })
    expect(data.fileName).toBe(name)
    expect(upload.url).toContain(`/incoming/${data.id}/1?`)
    expect(await put(upload, hello)).toBe(200)
    expect((await api.request(`/api/data/${data.id}/complete`, { method: 'POST' })).status).toBe(200)
    expect(await downloaded(data.id)).toEqual({
      status: 200,
      ascii: expect.stringMatching(/^[\x20-\x7e]+$/),
      name: safe,
      bytes: hello,
    })
  })

  test.each([
    ['none', ''],
    ['of 256 characters', 'x'.repeat(256)],
    ['of 300 wide ones', '水'.repeat(300)],
  ])('is refused: %s', async (_, name) => {
    expect(await refusalOf(await create(name))).toEqual({
      status: 422,
      code: 'invalid_request',
      paths: ['/file/name'],
    })
  })

  test.each([5, null, ['a'], { $ne: '' }])('that is no text is refused: %j', async (name) => {
    const body = { label: 'named', file: { name, size: 5 } }
    expect(await refusalOf(await api.post('/api/data', body))).toMatchObject({
      status: 422,
      paths: ['/file/name'],
    })
  })
})

test('an empty file is uploaded, described, downloaded, and not sent twice', async () => {
  const nothing = new Uint8Array()
  const item = await api.client.upload({ name: 'empty.txt', contentType: 'text/plain', bytes: nothing })
  expect(await api.client.data(item.id)).toMatchObject({ status: 'available', size: 0, type: 'text' })
  expect(await downloaded(item.id)).toMatchObject({ status: 200, name: 'empty.txt', bytes: nothing })
  const head = await api.request(`/api/data/${item.id}/content`, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '0'])
  const { data, upload } = await announce(api, { size: 0 })
  expect(await put(upload, hello)).toBe(403)
  expect(await put(upload, nothing)).toBe(200)
  expect((await api.request(`/api/data/${data.id}/complete`, { method: 'POST' })).status).toBe(200)
  expect((await downloaded(data.id)).bytes).toEqual(nothing)
  const file = { name: 'empty.txt', size: 0, contentType: 'text/plain', sha256: sha256Of(nothing) }
  const first = await announce(api, file)
  expect(await put(first.upload, nothing)).toBe(200)
  expect((await api.request(`/api/data/${first.data.id}/complete`, { method: 'POST' })).status).toBe(200)
  const again = await (await api.post('/api/data', { label: 'again', file })).json()
  expect(again).toMatchObject({ data: { status: 'available', size: 0 }, upload: null })
  expect((await downloaded(again.data.id)).bytes).toEqual(nothing)
})

test('a label of 10 KB is refused, in a new item and in an edit', async () => {
  const label = 'x'.repeat(10_000)
  const refused = { status: 422, code: 'invalid_request', paths: ['/label'] }
  expect(await refusalOf(await api.post('/api/data', { label, value: 1 }))).toEqual(refused)
  const file = { name: 'a', size: 1 }
  expect(await refusalOf(await api.post('/api/data', { label, file }))).toEqual(refused)
  const { id } = await api.client.createValue({ label: 'short', value: 1 })
  const edit = { method: 'PATCH', body: JSON.stringify({ label }) }
  expect(await refusalOf(await api.request(`/api/data/${id}`, edit))).toEqual(refused)
  expect((await api.client.data(id)).label).toBe('short')
})
