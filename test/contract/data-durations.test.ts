import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DataAnswer } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { announce, bytesOf, put } from '../support/upload-by-hand.ts'

/** 120 frames of 1001/30000 s, H.264, 176 × 144; the header comes last. */
const clip = join(import.meta.dirname, '../samples/carphone.mp4')
let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

/** The item as it is once its upload is completed. */
async function completed(contentType: string, bytes: Uint8Array) {
  const { data, upload } = await announce(api, { contentType, size: bytes.byteLength })
  expect(await put(upload, Uint8Array.from(bytes))).toBe(200)
  const response = await api.request(`/api/data/${data.id}/complete`, { method: 'POST' })
  expect(response.status).toBe(200)
  return DataAnswer.parse(await response.json()).data
}

const number = (bytes: number) => (value: number) => {
  const out = Buffer.alloc(bytes)
  out.writeUIntBE(value, 0, bytes)
  return out
}
const [u16, u24, u32] = [number(2), number(3), number(4)]
const zeros = (bytes: number) => Buffer.alloc(bytes)
const text = (ascii: string) => Buffer.from(ascii, 'latin1')

/** `samples` of 16 bit at 8,000 Hz; the header may promise more than follows. */
function wav(samples: number, promised = samples): Buffer {
  const le = (value: number, bytes: number) => {
    const out = Buffer.alloc(bytes)
    out.writeUIntLE(value, 0, bytes)
    return out
  }
  const format = [le(1, 2), le(1, 2), le(8000, 4), le(16_000, 4), le(2, 2), le(16, 2)]
  return Buffer.concat([
    ...[text('RIFF'), le(36 + 2 * promised, 4), text('WAVEfmt '), le(16, 4), ...format],
    ...[text('data'), le(2 * promised, 4), zeros(2 * samples)],
  ])
}

/** A FLAC of 44,100 Hz, mono, 16 bit, by its header alone. */
const flac = (samples: number): Buffer => {
  const rateAndMore = (44_100n << 44n) | (0n << 41n) | (15n << 36n) | BigInt(samples)
  const rate = zeros(8)
  rate.writeBigUInt64BE(rateAndMore)
  const streamInfo = [u16(4096), u16(4096), u24(0), u24(0), rate, zeros(16)]
  return Buffer.concat([text('fLaC'), u32(0x80000022), ...streamInfo])
}

const box = (name: string, ...inside: Buffer[]): Buffer => {
  const content = Buffer.concat(inside)
  return Buffer.concat([u32(8 + content.length), text(name), content])
}
const ftyp = box('ftyp', text('isom'), u32(512), text('isom'))

function moov(duration: number, timescale = 1000): Buffer {
  const frame = [zeros(6), u16(1), zeros(16), u16(320), u16(240), zeros(50)]
  const description = box('stsd', zeros(4), u32(1), box('avc1', ...frame))
  return box(
    'moov',
    box(
      'trak',
      box('tkhd', zeros(12), u32(1), zeros(68)),
      box(
        'mdia',
        box('mdhd', zeros(12), u32(timescale), u32(duration), zeros(4)),
        box('hdlr', zeros(8), text('vide'), zeros(13)),
        box('minf', box('stbl', description)),
      ),
    ),
  )
}
/** More than is ever read of a file in one go. */
const media = box('mdat', zeros(700_000))
const mp4 = (...boxes: Buffer[]): Buffer => Buffer.concat([ftyp, ...boxes])

describe('the duration of an upload', () => {
  test.each([
    ['WAV', 'audio/wav', wav(20_000), { durationSeconds: 2.5 }],
    ['FLAC', 'audio/flac', flac(44_100 * 90), { durationSeconds: 90 }],
    ['MP4 with its header first', 'video/mp4', mp4(moov(12_345), media), { durationSeconds: 12.345 }],
    ['MP4 with its header last', 'video/mp4', mp4(media, moov(12_345)), { durationSeconds: 12.345 }],
    ['sound called video', 'video/mp4', wav(8000), { durationSeconds: 1 }],
  ])('is measured: %s', async (_, contentType, bytes, measured) => {
    expect(await completed(contentType, bytes)).toMatchObject(measured)
  })

  test('of a film comes with the size of its frames, and does not change', async () => {
    const item = await completed('video/mp4', await readFile(clip))
    expect(item).toMatchObject({ type: 'video', width: 176, height: 144, durationSeconds: 4.004 })
    expect(await api.client.data(item.id)).toEqual(item)
  })

  test('is known for deduplicated bytes', async () => {
    const bytes = Uint8Array.from(wav(4000))
    const first = await api.client.upload({ name: 'a.wav', contentType: 'audio/wav', bytes })
    const again = await api.client.upload({ name: 'b.wav', contentType: 'audio/wav', bytes })
    expect([first.durationSeconds, again.durationSeconds]).toEqual([0.5, 0.5])
  })

  test('is nothing that a picture or a text has', async () => {
    expect(await completed('text/plain', bytesOf('hello'))).not.toHaveProperty('durationSeconds')
    expect(await completed('image/gif', bytesOf('GIF89a\u0001\u0000\u0001\u0000'))).not.toHaveProperty(
      'durationSeconds',
    )
  })
})

const element = (id: string, ...inside: Buffer[]): Buffer => {
  const content = Buffer.concat(inside)
  return Buffer.concat([Buffer.from(id, 'hex'), u32(0x10000000 + content.length), content])
}
/** As a browser records: no duration, clusters of unknown length, each block at its milliseconds after its cluster. */
function recording(...clusters: { at: number; blocks: number[]; bytes?: number }[]): Buffer {
  const known = element('1a45dfa3', element('4282', text('webm')))
  const track = element(
    '1654ae6b',
    element(
      'ae',
      element('d7', Buffer.from([1])),
      element('83', Buffer.from([2])),
      element('86', text('A_OPUS')),
    ),
  )
  const info = element('1549a966', element('2ad7b1', u24(1_000_000)))
  const unknown = Buffer.from('01ffffffffffffff', 'hex')
  const written = clusters.map(({ at, blocks, bytes = 20 }) =>
    Buffer.concat([
      ...[Buffer.from('1f43b675', 'hex'), unknown, element('e7', u24(at))],
      ...blocks.map((time) =>
        element('a3', Buffer.from([0x81]), u16(time), Buffer.from([0x80]), zeros(bytes)),
      ),
    ]),
  )
  return Buffer.concat([known, Buffer.from('18538067', 'hex'), unknown, info, track, ...written])
}

describe('the duration is found although no header has it, of', () => {
  test.each<[string, string, Buffer, number]>([
    [
      'a recording of a browser',
      'video/webm;codecs=vp8,opus',
      recording({ at: 0, blocks: [0, 20, 40] }),
      0.04,
    ],
    [
      'a longer one, whose last cluster is not the largest',
      'audio/webm;codecs=opus',
      recording({ at: 0, blocks: [0, 9000], bytes: 400_000 }, { at: 10_000, blocks: [0, 40, 20] }),
      10.04,
    ],
    [
      'one whose last cluster is large',
      'video/webm',
      recording({ at: 0, blocks: [0] }, { at: 65_000, blocks: [0, 500, 1000], bytes: 300_000 }),
      66,
    ],
    ['an AVI', 'video/x-msvideo', avi(40_000, 75), 3],
    ['a WAV beyond 4 GiB, by its first bytes', 'audio/wav', rf64(4000), 0.25],
    ['a WAV of unknown length', 'audio/wav', Buffer.from(wav(4000)).fill(0, 40, 44), 0.5],
  ])('%s', async (_, contentType, bytes, durationSeconds) => {
    const item = await completed(contentType, bytes)
    expect(item.status).toBe('available')
    expect(item.durationSeconds).toBeCloseTo(durationSeconds, 2)
  })
})

function avi(microsecondsPerFrame: number, frames: number): Buffer {
  const header = Buffer.alloc(56)
  header.writeUInt32LE(microsecondsPerFrame, 0)
  header.writeUInt32LE(frames, 16)
  const le = Buffer.alloc(4)
  le.writeUInt32LE(56)
  return Buffer.concat([
    text('RIFF'),
    zeros(4),
    text('AVI LIST'),
    zeros(4),
    text('hdrlavih'),
    le,
    header,
    zeros(200),
  ])
}

/** 4,000 bytes are a quarter of a second. */
function rf64(bytes: number): Buffer {
  const plain = wav(bytes / 2)
  const sizes = Buffer.alloc(28)
  sizes.writeBigUInt64LE(BigInt(bytes), 8)
  const long = Buffer.concat([text('ds64'), Buffer.from([28, 0, 0, 0]), sizes])
  const rest = Buffer.from(plain.subarray(12)).fill(0xff, 28, 32)
  return Buffer.concat([text('RF64'), Buffer.alloc(4, 0xff), text('WAVE'), long, rest])
}

const endless = box('udta', ...Array.from({ length: 60_000 }, () => box('free')))
const scattered = Array.from({ length: 100 }, () => box('free', zeros(100_000)))

describe('the duration is null, and the item available, of', () => {
  test.each([
    ['a film that was cut off', 'video/mp4', mp4(moov(1000), media).subarray(0, 200_000)],
    ['a film whose end is missing', 'video/mp4', mp4(media, moov(1000)).subarray(0, 600_000)],
    ['a header and nothing else', 'video/mp4', ftyp],
    ['no time in a second', 'video/mp4', mp4(moov(1000, 0), media)],
    [
      'a box that says it is larger than all files',
      'video/mp4',
      mp4(Buffer.concat([u32(1), text('moov'), Buffer.alloc(8, 0xff)])),
    ],
    ['boxes without end', 'video/mp4', mp4(box('moov', endless), moov(1000))],
    ['boxes all over the place', 'video/mp4', mp4(...scattered, moov(1000))],
    [
      'boxes within boxes',
      'video/mp4',
      mp4(Array.from({ length: 2000 }).reduce<Buffer>((inner) => box('udta', inner), zeros(0))),
    ],
    ['a WAV of nothing', 'audio/wav', wav(0)],
    ['a WAV without a rate', 'audio/wav', Buffer.from(wav(100)).fill(0, 24, 28)],
    [
      'a format that is not looked into',
      'video/x-msvideo',
      Buffer.concat([text('RIFF'), zeros(4), text('AVI '), zeros(100)]),
    ],
  ])('%s', async (_, contentType, bytes) => {
    const began = performance.now()
    const item = await completed(contentType, bytes)
    expect(item).toMatchObject({ status: 'available', durationSeconds: null })
    expect(performance.now() - began).toBeLessThan(10_000)
  })
})
