import { open } from 'node:fs/promises'
import { faultOfJsonFile } from './json-file.ts'

/**
 * Checks a file against its format by its first bytes, or by all bytes for JSON. Returns the fault;
 * `null` when the file fits or the format cannot be recognized.
 */
export async function faultOfContent(path: string, format: string): Promise<string | null> {
  const looksRight = starts[format]
  if (!looksRight && format !== 'json') return null
  const start = await readStart(path)
  if (start.length === 0) return 'is empty'
  if (!looksRight) return faultOfJsonFile(path)
  if (looksRight(start)) return null
  const isOther = nameOf(start) !== null || isText(start)
  return isOther || !begunInManyWays.has(format) ? `is not a valid ${format} file${whatInstead(start)}` : null
}

/** Recordings may begin with padding or unlisted boxes: only files of an evidently different format are rejected. */
const begunInManyWays = new Set(['mp4', 'm4a', 'mov', 'webm', 'mkv', 'avi', 'wav', 'mp3', 'flac', 'ogg'])

const text = (bytes: Buffer, from = 0, to = bytes.length): string => bytes.toString('latin1', from, to)
const begins = (...alternatives: string[]) => {
  return (bytes: Buffer) => alternatives.some((one) => text(bytes, 0, one.length) === one)
}
const riff = (kind: string) => (bytes: Buffer) =>
  /^(?:RIFF|RF64|BW64)$/.test(text(bytes, 0, 4)) && text(bytes, 8, 12) === kind

/** How each format begins, for formats where that is certain. */
const starts: Record<string, (bytes: Buffer) => boolean> = {
  jpg: begins('\xff\xd8\xff'),
  png: begins('\x89PNG\r\n\x1a\n'),
  gif: begins('GIF87a', 'GIF89a'),
  webp: riff('WEBP'),
  bmp: begins('BM'),
  tif: begins('II*\0', 'MM\0*', 'II+\0', 'MM\0+'),
  avif: (bytes) => /^ftypavi[fs]$/.test(text(bytes, 4, 12)),
  /** A byte order mark or a printer's commands may precede it. */
  pdf: (bytes) => text(bytes).includes('%PDF-'),
  mp4: isOfBoxes,
  m4a: isOfBoxes,
  mov: isOfBoxes,
  webm: (bytes) => isMatroska(bytes) && !text(bytes, 0, 64).includes('matroska'),
  mkv: isMatroska,
  avi: riff('AVI '),
  wav: riff('WAVE'),
  mp3: (bytes) => text(bytes, 0, 3) === 'ID3' || isMpegAudio(bytes),
  flac: begins('fLaC', 'ID3'),
  ogg: begins('OggS'),
  zip: begins('PK\x03\x04', 'PK\x05\x06', 'PK\x07\x08'),
}

/** ISO 14496-12 and its parent, QuickTime: the type box usually comes first, but need not. */
function isOfBoxes(bytes: Buffer): boolean {
  return /^(?:ftyp|styp|moov|moof|mdat|sidx|pdin|prfl|wide|free|skip|uuid|pnot)$/.test(text(bytes, 4, 8))
}

function isMatroska(bytes: Buffer): boolean {
  return text(bytes, 0, 4) === '\x1a\x45\xdf\xa3'
}

/** Eleven set bits, then an existing version and layer (II or III). */
function isMpegAudio([first = 0, second = 0]: Buffer): boolean {
  const layer = (second >> 1) & 3
  return first === 0xff && second >= 0xe0 && ((second >> 3) & 3) !== 1 && (layer === 1 || layer === 2)
}

/** A PDF's signature may be the farthest from the beginning. */
const startBytes = 1024

async function readStart(path: string): Promise<Buffer> {
  await using file = await open(path, 'r')
  const { buffer, bytesRead } = await file.read(Buffer.alloc(startBytes), 0, startBytes, 0)
  return buffer.subarray(0, bytesRead)
}

const nameOf = (start: Buffer): string | null =>
  Object.entries(starts).find(([, looksRight]) => looksRight(start))?.[0] ?? null

function isText(bytes: Buffer): boolean {
  if (/^(\xff\xfe|\xfe\xff)/.test(text(bytes, 0, 2))) return true // UTF-16
  const decoded = new TextDecoder().decode(bytes, { stream: true })
  return !/\p{Cc}|\uFFFD/u.test(decoded.replace(/\s/g, ''))
}

function whatInstead(start: Buffer): string {
  const format = nameOf(start)
  if (format) return `, but ${format}`
  const shown = start.subarray(0, 16)
  return /^[\t\r\n -~]+$/.test(text(shown))
    ? `: it begins with ${JSON.stringify(text(shown))}`
    : `: it begins with the bytes ${shown.toString('hex').replace(/..(?!$)/g, '$& ')}`
}
