import { fileTypeFromBuffer, supportedMimeTypes } from 'file-type'
import { imageSize } from 'image-size'
import { type Measures, measureRecording, unmeasured } from './measure-recording.ts'

/** Enough for the signature of every known format, and for the size of most pictures. */
const headBytes = 64 * 1024

export type Inside = { fault: string | null; measures: Measures }

/** Pictures, sound, video and PDF are what browsers open: whoever calls his file one of these is held to it. */
export const isLookedInto = (contentType: string): boolean =>
  /^(image|video|audio)\//.test(contentType) || essenceOf(contentType) === 'application/pdf'

/** Holds the first bytes of a file against the type that was promised, and measures pictures and recordings. */
export async function lookInside(contentType: string, file: Blob): Promise<Inside> {
  const promised = essenceOf(contentType)
  // A format without a known signature, SVG for one, is served as a download anyway.
  if (!knownTypes.has(promised)) return { fault: null, measures: unmeasured }
  const head = new Uint8Array(await file.slice(0, headBytes).arrayBuffer())
  const found = (await fileTypeFromBuffer(head))?.mime
  if (!found || !fits(promised, essenceOf(found))) {
    const really = found ? `those of ${found}` : 'of no known format'
    const fault = `The first bytes are ${really}, promised was ${contentType}.`
    return { fault, measures: unmeasured }
  }
  return {
    fault: null,
    measures: isPlayed(promised) ? await measureRecording(file) : measured(promised, head),
  }
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

function essenceOf(contentType: string): string {
  const essence = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return aliases[essence] ?? essence
}

const knownTypes = new Set([...supportedMimeTypes].map(essenceOf))

function fits(promised: string, found: string): boolean {
  if (promised === found) return true
  // A container says little about what it contains: an MP4 may be sound alone.
  if (isPlayed(promised)) return isPlayed(found)
  return relatives.some((family) => family.has(promised) && family.has(found))
}

const isPlayed = (type: string): boolean => /^(video|audio)\//.test(type)

/** Formats that programs take for each other with good reason. */
const relatives = [
  new Set(['image/png', 'image/apng']),
  new Set(['image/heic', 'image/heif', 'image/heic-sequence', 'image/heif-sequence', 'image/avif']),
  new Set(['image/tiff', 'image/x-adobe-dng', 'image/x-nikon-nef', 'image/x-sony-arw']),
]

function measured(promised: string, head: Uint8Array): Measures {
  if (!promised.startsWith('image/')) return unmeasured
  try {
    const { width, height, orientation = 1 } = imageSize(head)
    // Turned by a quarter: the size that people see is the other way round.
    return orientation >= 5 ? { width: height, height: width } : { width, height }
  } catch {
    return unmeasured
  }
}
