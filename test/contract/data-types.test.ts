import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
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

const film = Buffer.from(await readFile(join(import.meta.dirname, '../samples/carphone.mp4')))
/** A box of an MP4 with this number of zero bytes. */
function box(kind: string, length = 24): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + length)
  head.write(kind, 4)
  return Buffer.concat([head, Buffer.alloc(length, 0x10)])
}
const mp3Frames = Buffer.concat(
  Array.from({ length: 20 }, () => Buffer.concat([Buffer.from('fffb9000', 'hex'), Buffer.alloc(413)])),
)
const rf64 = Buffer.concat([
  Buffer.from('RF64\xff\xff\xff\xffWAVEds64', 'latin1'),
  Buffer.from('1c000000', 'hex'),
  Buffer.alloc(28),
  Buffer.from('fmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\xff\xff\xff\xff', 'latin1'),
  Buffer.alloc(3200),
])
const joined = (...parts: Uint8Array[]) => Uint8Array.from(Buffer.concat(parts))

const svg = bytesOf('<svg xmlns="http://www.w3.org/2000/svg"/>')
const pdf = bytesOf('%PDF-1.7\n1 0 obj\n')
const wav = Uint8Array.from(Buffer.from('524946462400000057415645666d7420', 'hex'))

/** What a page reads of its recorder, and what others write with as little care. */
test.each([
  ['video/webm;codecs=vp8,opus'],
  ['video/webm;codecs=vp8, opus'],
  ['video/x-matroska;codecs=avc1,opus'],
  ['video/mp4;codecs=avc1.42E01E,mp4a.40.2'],
  ['video/mp4; codecs="avc1.42E01E, mp4a.40.2"'],
  ['audio/webm;codecs=opus'],
  ['text/plain;charset=UTF-8;', 'text/plain;charset=UTF-8'],
  [' text/csv ; header=present ; ', 'text/csv ; header=present'],
  ['application/vnd.oasis.opendocument.text'],
  ['text/html; title="a \\"b\\" c"'],
])('a file of type %s is uploaded with just that type', async (contentType, kept = contentType) => {
  const bytes = contentType.startsWith('text') ? bytesOf('a,b') : joined(film.subarray(0, 40_000))
  expect(await upload(contentType, bytes)).toMatchObject({ status: 'available', contentType: kept })
})

test.each([['image'], ['image/'], ['image/png\r\nx-amz-acl: public'], ['image/png; a="b'], ['ímage/png']])(
  '%j is no type',
  async (contentType) => {
    const file = { name: 'a', size: 1, contentType }
    const refusal = await refusalOf(await api.post('/api/data', { label: 'a', file }))
    expect(refusal).toMatchObject({ status: 422, paths: ['/file/contentType'] })
  },
)

describe('the type of an upload', () => {
  test('of a picture follows from its first bytes, and so does its size', async () => {
    expect(await upload('image/jpeg', jpeg)).toMatchObject({ status: 'available', width: 512, height: 512 })
    expect(await upload('image/jpg', jpeg)).toMatchObject({ status: 'available', type: 'image' })
  })

  test.each([
    ['a page that calls itself a picture', 'image/png', bytesOf('<html><script>alert(1)</script>')],
    ['a program', 'video/mp4', Uint8Array.from(Buffer.from('7f454c4602010100', 'hex'))],
    ['a text', 'application/pdf', bytesOf('hello')],
    ['nothing', 'image/png', new Uint8Array()],
    ['no recording at all', 'video/mp4', new Uint8Array()],
    [
      'a page that calls itself a recording',
      'audio/mpeg',
      bytesOf('<!doctype html><script>alert(1)</script>'),
    ],
    ['a page in capitals that does', 'Video/MP4', bytesOf('<!doctype html><script>alert(1)</script>')],
    ['noise that calls itself a picture', 'image/jpeg', Uint8Array.from(Buffer.alloc(64, 0xd7))],
    ['sound that calls itself a picture', 'image/jpeg', wav],
  ])('is refused: %s', async (_, contentType, bytes) => {
    const refused = await upload(contentType, bytes)
    expect(refused).toMatchObject({
      code: 'upload_mismatch',
      detail: expect.stringContaining(`promised was ${contentType}`),
    })
    expect((await api.client.data(refused.id)).status).toBe('uploading')
  })

  test('follows from the kind of picture, too', async () => {
    expect(await upload('image/png', jpeg)).toMatchObject({
      code: 'upload_mismatch',
      detail: expect.stringMatching(/image\/jpeg.*create a new item with the type that they have/),
    })
  })

  test.each<[string, string, Uint8Array<ArrayBuffer>]>([
    ['an MP4 that begins with what may be skipped', 'video/mp4', joined(box('skip'), film)],
    ['with a box of its maker', 'video/mp4', joined(box('uuid'), film)],
    ['with the type of a segment', 'video/mp4', joined(box('styp'), film)],
    ['with 100 KB of free space', 'video/quicktime', joined(box('free', 100_000), film)],
    ['an MP3 after padding', 'audio/mpeg', joined(Buffer.alloc(5000), mp3Frames)],
    ['an MP3 after more padding than is looked at', 'audio/mpeg', joined(Buffer.alloc(100_000), mp3Frames)],
    ['an MP3 after remains of another stream', 'audio/mpeg', joined(Buffer.alloc(99, 0x11), mp3Frames)],
    ['a WAV of the size that needs 64 bits', 'audio/wav', rf64],
    ['a PDF after a byte order mark', 'application/pdf', joined(Buffer.from('efbbbf', 'hex'), pdf)],
    ['a PDF after the header of a mail', 'application/pdf', joined(bytesOf('Content-Type: x\r\n\r\n'), pdf)],
    ["a PDF after a printer's command", 'application/pdf', joined(bytesOf('\x1b%-12345X@PJL JOB\r\n'), pdf)],
    ['a recording in an unknown format', 'video/x-of-tomorrow', joined(Buffer.alloc(64, 0xd7))],
  ])('is taken, since an unknown beginning contradicts nothing: %s', async (_, contentType, bytes) => {
    expect(await upload(contentType, bytes)).toMatchObject({ status: 'available', contentType })
  })

  test('leaves room for measures after an odd beginning', async () => {
    const [usual, odd] = [joined(film), joined(box('skip'), film)]
    const { width, height, durationSeconds } = await upload('video/mp4', usual)
    expect(await upload('video/mp4', odd)).toMatchObject({ width, height, durationSeconds })
    expect(width).toBeGreaterThan(0)
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
