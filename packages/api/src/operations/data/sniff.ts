import { essenceOf } from '@millrace/shared'
import { fileTypeFromBuffer, supportedMimeTypes } from 'file-type'
import { imageSize } from 'image-size'
import { type Measures, probe, unmeasured } from './probe.ts'

/** Enough for the signature of every known format, and for the size of most pictures. */
const headBytes = 64 * 1024

export type Sniffed = { fault: string | null; measures: Measures }

/** Browsers open pictures, sound, video and PDF: files that are declared as one of these are verified. */
export const isSniffed = (contentType: string): boolean =>
  /^(image|video|audio)\/|^application\/pdf$/.test(essenceOf(contentType))

/** Verifies the first bytes of a file against the declared type, and measures pictures and recordings. */
export async function sniff(contentType: string, file: Blob): Promise<Sniffed> {
  const promised = usualName(contentType)
  const head = new Uint8Array(await file.slice(0, headBytes).arrayBuffer())
  const type = (await fileTypeFromBuffer(head))?.mime
  const found = type && usualName(type)
  const really = contradiction(promised, found, head)
  if (really)
    return {
      fault: `The first bytes are ${really}, promised was ${contentType}.`,
      measures: unmeasured,
    }
  const measures = isPlayed(promised) ? await probe(file, found ?? promised) : measured(promised, head)
  return { fault: null, measures }
}

/**
 * What the bytes are instead of the declared type; `null`: no contradiction. Unknown bytes pass, because recordings have
 * more formats than the list of signatures. A text does not pass, nor do unknown bytes for a format with one signature.
 */
function contradiction(promised: string, found: string | undefined, head: Uint8Array): string | null {
  // A format without a known signature, SVG for one, is served as a download anyway.
  if (!knownTypes.has(promised)) return null
  if (promised === 'application/pdf' && hasPdfHeader(head)) return null
  if (found) return fits(promised, found) ? null : `those of ${found}`
  if (head.length === 0) return 'none at all'
  if (isText(head)) return 'those of a text'
  return begunInOneWay.has(promised) ? 'of no known format' : null
}

const begunInOneWay = new Set([
  'application/pdf',
  'image/png',
  'image/apng',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/bmp',
])

/** Readers search for it in the first kilobyte: printer commands, mail headers or a byte order mark may come before. */
const hasPdfHeader = (head: Uint8Array): boolean =>
  Buffer.from(head.subarray(0, 1024)).includes('%PDF-', 0, 'latin1')

function isText(head: Uint8Array): boolean {
  const text = new TextDecoder().decode(head.subarray(0, 1024), { stream: true })
  return !/\p{Cc}|\uFFFD/u.test(text.replace(/\s/g, ''))
}

const aliases: Record<string, string> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/x-png': 'image/png',
  'image/vnd.microsoft.icon': 'image/x-icon',
  'image/x-ms-bmp': 'image/bmp',
  'audio/x-wav': 'audio/wav',
  'audio/wave': 'audio/wav',
  'audio/vnd.wave': 'audio/wav',
  'audio/mp3': 'audio/mpeg',
  'audio/x-flac': 'audio/flac',
  'audio/x-aiff': 'audio/aiff',
  'video/x-matroska': 'video/matroska',
  'audio/x-matroska': 'video/matroska',
  'video/x-msvideo': 'video/vnd.avi',
  'video/avi': 'video/vnd.avi',
}

function usualName(contentType: string): string {
  const essence = essenceOf(contentType)
  return aliases[essence] ?? essence
}

const knownTypes = new Set([...supportedMimeTypes].map(usualName))

function fits(promised: string, found: string): boolean {
  if (promised === found) return true
  // A container's type says little about its content: an MP4 may hold sound alone.
  if (isPlayed(promised)) return isPlayed(found)
  return relatives.some((family) => family.has(promised) && family.has(found))
}

const isPlayed = (type: string): boolean => /^(video|audio)\//.test(type)

/** Formats that programs confuse with good reason. */
const relatives = [
  new Set(['image/png', 'image/apng']),
  new Set(['image/heic', 'image/heif', 'image/heic-sequence', 'image/heif-sequence', 'image/avif']),
  new Set(['image/tiff', 'image/x-adobe-dng', 'image/x-nikon-nef', 'image/x-sony-arw']),
]

function measured(promised: string, head: Uint8Array): Measures {
  if (!promised.startsWith('image/')) return unmeasured
  try {
    const { width, height, orientation = 1 } = imageSize(head)
    // Rotated by 90°: width and height are swapped on display.
    return orientation >= 5 ? { width: height, height: width } : { width, height }
  } catch {
    return unmeasured
  }
}
