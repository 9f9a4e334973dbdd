import { extname } from 'node:path'

const byExtension: Record<string, string> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  gif: 'image/gif',
  webp: 'image/webp',
  bmp: 'image/bmp',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  avif: 'image/avif',
  svg: 'image/svg+xml',
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  mkv: 'video/x-matroska',
  mov: 'video/quicktime',
  webm: 'video/webm',
  avi: 'video/x-msvideo',
  wav: 'audio/wav',
  mp3: 'audio/mpeg',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
  m4a: 'audio/mp4',
  txt: 'text/plain',
  srt: 'text/plain',
  vtt: 'text/vtt',
  md: 'text/markdown',
  csv: 'text/csv',
  html: 'text/html',
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  pdf: 'application/pdf',
  zip: 'application/zip',
  gz: 'application/gzip',
}

/** The first bytes of files that often lack an informative name. */
const byFirstBytes: [string, string][] = [
  ['89504e47', 'image/png'],
  ['ffd8ff', 'image/jpeg'],
  ['47494638', 'image/gif'],
  ['25504446', 'application/pdf'],
  ['504b0304', 'application/zip'],
  ['1a45dfa3', 'video/webm'],
  ['4f676753', 'audio/ogg'],
  ['664c6143', 'audio/flac'],
  ['494433', 'audio/mpeg'],
]

/** The content type of a file, by its name, else by its first bytes. */
export function contentTypeOf(name: string, head: Buffer): string {
  const named = byExtension[extname(name).slice(1).toLowerCase()]
  if (named) return named
  const hex = head.subarray(0, 12).toString('hex')
  if (hex.startsWith('52494646')) return riff[hex.slice(16)] ?? 'application/octet-stream'
  if (hex.slice(8, 16) === '66747970') return 'video/mp4'
  return byFirstBytes.find(([magic]) => hex.startsWith(magic))?.[1] ?? 'application/octet-stream'
}

const riff: Record<string, string> = {
  '57415645': 'audio/wav',
  '57454250': 'image/webp',
  '41564920': 'video/x-msvideo',
}
