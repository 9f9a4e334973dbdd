import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { announce, bytesOf, put } from '../support/upload-by-hand.ts'

const photo = join(import.meta.dirname, '../../demo/pictures/astronaut.jpg')
let api: TestApi
let jpeg: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  api = await openApi()
  jpeg = Uint8Array.from(await readFile(photo))
})
afterAll(() => api.close())

async function upload(contentType: string, bytes: Uint8Array<ArrayBuffer>) {
  const { data, upload } = await announce(api, { contentType, size: bytes.byteLength })
  expect(await put(upload, bytes)).toBe(200)
  const response = await api.request(`/api/data/${data.id}/complete`, { method: 'POST' })
  const body = await response.json()
  return response.ok ? body.data : { code: body.code, detail: body.detail, id: data.id }
}

const svg = bytesOf('<svg xmlns="http://www.w3.org/2000/svg"/>')
const pdf = bytesOf('%PDF-1.7\n1 0 obj\n')
const wav = Uint8Array.from(Buffer.from('524946462400000057415645666d7420', 'hex'))

describe('the type of an upload', () => {
  test('of a picture is what its first bytes say, and its size is told', async () => {
    expect(await upload('image/jpeg', jpeg)).toMatchObject({ status: 'available', width: 512, height: 512 })
    expect(await upload('image/jpg', jpeg)).toMatchObject({ status: 'available', type: 'image' })
  })

  test.each([
    ['a page that calls itself a picture', 'image/png', bytesOf('<html><script>alert(1)</script>')],
    ['a program', 'video/mp4', Uint8Array.from(Buffer.from('7f454c4602010100', 'hex'))],
    ['a text', 'application/pdf', bytesOf('hello')],
    ['nothing', 'image/png', new Uint8Array()],
    ['sound that calls itself a picture', 'image/jpeg', wav],
  ])('is refused: %s', async (_, contentType, bytes) => {
    const refused = await upload(contentType, bytes)
    expect(refused).toMatchObject({
      code: 'upload_mismatch',
      detail: expect.stringContaining(`promised was ${contentType}`),
    })
    expect((await api.client.data(refused.id)).status).toBe('uploading')
  })

  test('is told by the kind of picture too', async () => {
    expect(await upload('image/png', jpeg)).toMatchObject({
      code: 'upload_mismatch',
      detail: expect.stringContaining('image/jpeg'),
    })
  })

  test.each([
    ['PDF', 'application/pdf', pdf],
    ['sound under another of its names', 'audio/x-wav', wav],
    ['sound in a container that might hold video', 'video/mp4', wav],
    ['a format without a signature', 'image/svg+xml', svg],
    ['any other type', 'application/zip', bytesOf('hello')],
  ])('is left alone: %s', async (_, contentType, bytes) => {
    expect(await upload(contentType, bytes)).toMatchObject({ status: 'available', contentType })
  })
})
