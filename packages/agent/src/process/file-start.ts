import { open } from 'node:fs/promises'

/** What the first bytes of a format look like, for formats where that is certain. */
const starts: Record<string, (bytes: Buffer) => boolean> = {
  jpg: (bytes) => bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff])),
  png: (bytes) => bytes.subarray(0, 8).equals(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')),
  gif: (bytes) => /^GIF8[79]a/.test(bytes.toString('latin1')),
  webp: (bytes) => /^RIFF.{4}WEBP/s.test(bytes.toString('latin1')),
  wav: (bytes) => /^(?:RIFF|RF64).{4}WAVE/s.test(bytes.toString('latin1')),
  pdf: (bytes) => bytes.toString('latin1').startsWith('%PDF-'),
  mp4: (bytes) => bytes.toString('latin1', 4, 8) === 'ftyp',
}

/** Says what is wrong when a file does not begin as its format does; `null` when it does or nobody can tell. */
export async function faultOfFileStart(path: string, format: string): Promise<string | null> {
  const looksRight = starts[format]
  if (!looksRight) return null
  await using file = await open(path, 'r')
  const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0)
  if (bytesRead === 0) return 'is empty'
  return looksRight(buffer.subarray(0, bytesRead)) ? null : `does not begin like a ${format} file`
}
