import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { faultOfContent } from './file-content.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-content-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Bytes as Latin-1 text. */
async function fault(format: string, content: string): Promise<string | null> {
  const path = join(folder, `file.${format}`)
  await writeFile(path, Buffer.from(content, 'latin1'))
  return faultOfContent(path, format)
}

const matroska = (kind: string) => `\x1a\x45\xdf\xa3\x93\x42\x82\x88${kind}`
const starts: [format: string, start: string][] = [
  ['jpg', '\xff\xd8\xff\xe0'],
  ['png', '\x89PNG\r\n\x1a\n'],
  ['gif', 'GIF89a'],
  ['webp', 'RIFF\x10\0\0\0WEBPVP8 '],
  ['bmp', 'BM\x46\0'],
  ['tif', 'II*\0'],
  ['tif', 'MM\0*'],
  ['avif', '\0\0\0\x1cftypavif'],
  ['pdf', '%PDF-1.7'],
  ['mp4', '\0\0\0\x18ftypisom'],
  ['m4a', '\0\0\0\x18ftypM4A '],
  ['mov', '\0\0\0\x08wide'],
  ['webm', matroska('webm')],
  ['mkv', matroska('matroska')],
  ['avi', 'RIFF\x10\0\0\0AVI '],
  ['wav', 'RIFF\x10\0\0\0WAVE'],
  ['wav', 'RF64\xff\xff\xff\xffWAVE'],
  ['mp3', 'ID3\x04'],
  ['mp3', '\xff\xfb\x90\0'],
  ['flac', 'fLaC'],
  ['ogg', 'OggS'],
  ['zip', 'PK\x03\x04'],
  ['zip', 'PK\x05\x06'],
  ['mp4', '\0\0\0\x18styp'],
  ['mp4', '\0\0\0\x18skip'],
  ['mp4', '\0\0\0\x18uuid'],
  ['mp3', '\0'.repeat(2000)],
  ['wav', 'BW64\xff\xff\xff\xffWAVE'],
  ['pdf', '\xef\xbb\xbf%PDF-1.7'],
  ['pdf', '\x1b%-12345X@PJL JOB\r\n%PDF-1.4'],
  ['webm', `${matroska('webm')}${'\0'.repeat(80)}libmatroska`],
]

it.each(starts)('%s may begin with %j', async (format, start) => {
  expect(await fault(format, `${start} and more`)).toBeNull()
})

it.each([...new Set(starts.map(([format]) => format))])('rejects text as a %s file', async (format) => {
  expect(await fault(format, 'hello, I am a text')).toBe(
    `is not a valid ${format} file: it begins with "hello, I am a te"`,
  )
  expect(await fault(format, '')).toBe('is empty')
})

it.each([
  ['png', '\xff\xd8\xff\xe0', 'is not a valid png file, but jpg'],
  ['webm', matroska('matroska'), 'is not a valid webm file, but mkv'],
  ['mp3', '\xff\xfeh\0i\0', 'is not a valid mp3 file: it begins with the bytes ff fe 68 00 69 00'],
  ['wav', 'RIFF\x10\0\0\0WEBP', 'is not a valid wav file, but webp'],
  ['mp4', '\xe6\x97\xa5\xe6\x9c\xac', 'is not a valid mp4 file: it begins with the bytes e6 97 a5 e6 9c ac'],
  ['png', '\0'.repeat(40), `is not a valid png file: it begins with the bytes${' 00'.repeat(16)}`],
])('%s that begins with %j', async (format, content, expected) => {
  expect(await fault(format, content)).toBe(expected)
})

it.each([
  ['{"a": [1, null]}', null],
  ['\xef\xbb\xbf[]', null],
  ['', 'is empty'],
  ['{"a": NaN}', 'holds NaN or Infinity, which JSON does not have, at /a'],
  ['{"a": 18446744073709551615}', expect.stringMatching(/holds 18446744073709551615.* at \/a$/)],
  ['{"a": [1, {"b": -1e400}]}', expect.stringMatching(/too large.* at \/a\/1\/b$/)],
  ["{\n  'a': 1}", expect.stringMatching(/^is not valid JSON: .*line 2 column 3/)],
  ['[1', expect.stringMatching(/^is not valid JSON: /)],
])('JSON %j', async (content, expected) => {
  expect(await fault('json', content)).toEqual(expected)
})

it('accepts everything for formats without a signature', async () => {
  expect(await fault('txt', '\0\x01')).toBeNull()
  expect(await fault('csv', '')).toBeNull()
})
