import { type IAudioMetadata, parseBlob } from 'music-metadata'
import { oddDuration } from './odd-containers.ts'

/** Pixels and seconds. `durationSeconds` is for sound and video only, and `null` where the file does not tell. */
export type Measures = { width: number | null; height: number | null; durationSeconds?: number | null }
export const unmeasured: Measures = { width: null, height: null }

/**
 * How long a recording is and how large its frames are, by its headers alone: frames are not counted. Whatever is
 * wrong with a file, it only leaves these empty. The size is that of the frames as they are kept, which a player may
 * turn or stretch. The type tells which format to expect where the first bytes do not.
 */
export async function probe(file: Blob, contentType: string): Promise<Measures> {
  try {
    // The index of a Matroska file leads past its clusters, of which there are thousands.
    const { format } = await parseBlob(file.slice(0, file.size, contentType), {
      skipCovers: true,
      mkvUseIndex: true,
    })
    return { ...frameOf(format), durationSeconds: durationOf(format) ?? (await otherwise(file)) }
  } catch {
    return { ...unmeasured, durationSeconds: await otherwise(file) }
  }
}

async function otherwise(file: Blob): Promise<number | null> {
  const seconds = await oddDuration(file).catch(() => null) // a header may lead anywhere
  return isMeasure(seconds ?? undefined) ? toMilliseconds(seconds ?? 0) : null
}

type Format = IAudioMetadata['format']

/** The longest track; to the millisecond. */
function durationOf({ duration, trackInfo }: Format): number | null {
  const told = [duration, ...trackInfo.map((track) => track.duration)].filter(isMeasure)
  return told.length === 0 ? null : toMilliseconds(Math.max(...told))
}

const toMilliseconds = (seconds: number): number => Math.round(seconds * 1000) / 1000

function frameOf({ trackInfo }: Format): { width: number | null; height: number | null } {
  const video = trackInfo.find((track) => track.video)?.video
  const [width, height] = [video?.pixelWidth, video?.pixelHeight]
  return isMeasure(width) && isMeasure(height) ? { width, height } : { width: null, height: null }
}

/** A header may say anything. */
const isMeasure = (told: number | undefined): told is number =>
  told !== undefined && told > 0 && told <= Number.MAX_SAFE_INTEGER
