/** Decoded text, or the fault. */
export type Decoded = { text: string } | { fault: string }

/** How the owner of an undecodable file can fix it. */
export const remedyOfCharset =
  'save it as UTF-8, or declare its charset in the content type of its upload (text/plain; charset=windows-1252)'

/**
 * Decodes a text file by its byte order mark, else by the charset that its content type declares, else as UTF-8.
 * Never guesses and never replaces: undecodable text is a fault with the offset of its first wrong byte.
 */
export function decodeText(bytes: Uint8Array, contentType = ''): Decoded {
  const mark = marks.find(({ start }) => start.every((byte, at) => bytes[at] === byte))
  if (mark?.label === 'utf-32') return { fault: `is UTF-32, which is not read` }
  const declared = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1]
  const label = mark?.label ?? declared ?? 'utf-8'
  const decoder = decoderOf(label)
  if (!decoder) return { fault: `has the charset ${label}, which is not known` }
  try {
    const text = decoder.decode(bytes)
    if (label !== declared && !mark && isLikelyUtf16(bytes))
      return { fault: `looks like UTF-16 without a byte order mark` }
    return { text }
  } catch {
    const at = firstWrongByte(bytes, decoder.encoding)
    const byte = bytes[at]?.toString(16).padStart(2, '0')
    return {
      fault: `is not ${decoder.encoding.toUpperCase()}: the byte 0x${byte} at offset ${at} does not fit`,
    }
  }
}

const marks = [
  { start: [0xef, 0xbb, 0xbf], label: 'utf-8' },
  { start: [0xff, 0xfe, 0, 0], label: 'utf-32' },
  { start: [0, 0, 0xfe, 0xff], label: 'utf-32' },
  { start: [0xff, 0xfe], label: 'utf-16le' },
  { start: [0xfe, 0xff], label: 'utf-16be' },
]

function decoderOf(label: string): TextDecoder | null {
  try {
    return new TextDecoder(label, { fatal: true })
  } catch {
    return null
  }
}

/** Latin letters in UTF-16 are valid UTF-8, with a NUL for every other character. */
function isLikelyUtf16(bytes: Uint8Array): boolean {
  const start = bytes.subarray(0, 1000)
  if (start.length < 2 || bytes.length % 2 !== 0) return false
  const zeros = [0, 0]
  start.forEach((byte, at) => {
    if (byte === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1
  })
  const [even = 0, odd = 0] = zeros
  return Math.max(even, odd) > start.length * 0.35 && Math.min(even, odd) < start.length * 0.05
}

const blockSize = 64 * 1024

/** Decodes again, by blocks and then by bytes, to find the first wrong byte. */
function firstWrongByte(bytes: Uint8Array, label: string): number {
  const fits = (decoder: TextDecoder | null, part: Uint8Array): boolean => {
    try {
      decoder?.decode(part, { stream: true })
      return true
    } catch {
      return false
    }
  }
  const byBlocks = decoderOf(label)
  let block = 0
  while (block < bytes.length && fits(byBlocks, bytes.subarray(block, block + blockSize))) block += blockSize
  const byBytes = decoderOf(label)
  if (block > 0) byBytes?.decode(bytes.subarray(0, Math.min(block, bytes.length)), { stream: true })
  let at = Math.min(block, bytes.length)
  while (at < bytes.length && fits(byBytes, bytes.subarray(at, at + 1))) at += 1
  return startOfCharacter(bytes, at, label)
}

/** The decoder detects a wrong character after its last valid byte; returns its first byte. */
function startOfCharacter(bytes: Uint8Array, at: number, label: string): number {
  if (label.startsWith('utf-16')) return Math.max(0, (at < bytes.length ? at : bytes.length - 1) & ~1)
  for (let back = 1; back <= 3 && label === 'utf-8'; back += 1) {
    const byte = bytes[at - back] ?? 0
    if (byte >= 0xc0) return lengthOf(byte) > back ? at - back : at
    if (byte < 0x80) break
  }
  return Math.min(at, bytes.length - 1)
}

const lengthOf = (lead: number): number => (lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2)
