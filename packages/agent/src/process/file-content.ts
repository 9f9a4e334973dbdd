import { open } from 'node:fs/promises'
import { faultOfJsonFile } from './json-file.ts'

/**
 * Says what is wrong when a file is not what its format promises, by its first bytes, or all of them where it is
 * JSON; `null` when it is, or when nobody can tell.
 */
export async function faultOfContent(path: string, format: string): Promise<string | null> {
  const looksRight = starts[format]
  if (!looksRight && format !== 'json') return null
  const start = await readStart(path)
  if (start.length === 0) return 'is empty'
  if (!looksRight) return faultOfJsonFile(path)
  return looksRight(start) ? null : `is no ${format} file${whatInstead(start)}`
}

const text = (bytes: Buffer, from = 0, to = bytes.length): string => bytes.toString('latin1', from, to)
const begins = (...alternatives: string[]) => {
  return (bytes: Buffer) => alternatives.some((one) => text(bytes, 0, one.length) === one)
}
const riff = (kind: string) => (bytes: Buffer) =>
  /^(?:RIFF|RF64)$/.test(text(bytes, 0, 4)) && text(bytes, 8, 12) === kind

/** What the first bytes of a format look like, for formats where that is certain. */
const starts: Record<string, (bytes: Buffer) => boolean> = {
  jpg: begins('\xff\xd8\xff'),
  png: begins('\x89PNG\r\n\x1a\n'),
  gif: begins('GIF87a', 'GIF89a'),
  webp: riff('WEBP'),
  bmp: begins('BM'),
  tif: begins('II*\0', 'MM\0*', 'II+\0', 'MM\0+'),
  avif: (bytes) => /^ftypavi[fs]$/.test(text(bytes, 4, 12)),
  pdf: begins('%PDF-'),
  mp4: (bytes) => text(bytes, 4, 8) === 'ftyp',
  m4a: (bytes) => text(bytes, 4, 8) === 'ftyp',
  mov: (bytes) => /^(?:ftyp|moov|mdat|wide|free|skip|pnot)$/.test(text(bytes, 4, 8)),
  webm: (bytes) => isMatroska(bytes) && !text(bytes).includes('matroska'),
  mkv: isMatroska,
  avi: riff('AVI '),
  wav: riff('WAVE'),
  mp3: (bytes) => text(bytes, 0, 3) === 'ID3' || isMpegAudio(bytes),
  flac: begins('fLaC', 'ID3'),
  ogg: begins('OggS'),
  zip: begins('PK\x03\x04', 'PK\x05\x06', 'PK\x07\x08'),
}

function isMatroska(bytes: Buffer): boolean {
  return text(bytes, 0, 4) === '\x1a\x45\xdf\xa3'
}

/** Eleven set bits, then a version and a layer (II or III) that exist. */
function isMpegAudio([first = 0, second = 0]: Buffer): boolean {
  const layer = (second >> 1) & 3
  return first === 0xff && second >= 0xe0 && ((second >> 3) & 3) !== 1 && (layer === 1 || layer === 2)
}

/** The longest mark that is looked for is the kind of a Matroska file, some way behind its beginning. */
async function readStart(path: string): Promise<Buffer> {
  await using file = await open(path, 'r')
  const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0)
  return buffer.subarray(0, bytesRead)
}

function whatInstead(start: Buffer): string {
  const [format] = Object.entries(starts).find(([, looksRight]) => looksRight(start)) ?? []
  if (format) return `, but ${format}`
  const shown = start.subarray(0, 16)
  return /^[\t\r\n -~]+$/.test(text(shown))
    ? `: it begins with ${JSON.stringify(text(shown))}`
    : `: it begins with the bytes ${shown.toString('hex').replace(/..(?!$)/g, '$& ')}`
}
