import { type IAudioMetadata, parseBlob } from 'music-metadata'
import { oddDuration } from './odd-containers.ts'

/** Pixels and seconds. `durationSeconds` is for sound and video only, and `null` where the file does not have it. */
export type Measures = { width: number | null; height: number | null; durationSeconds?: number | null }
export const unmeasured: Measures = { width: null, height: null }

/**
 * The duration and frame size of a recording, from its headers alone; frames are not counted. A damaged file only leaves
 * these empty. The size is that of the stored frames, which a player may rotate or stretch. The type gives the expected
 * format where the first bytes do not.
 */
export async function probe(file: Blob, contentType: string): Promise<Measures> {
  try {
    // The index of a Matroska file skips its thousands of clusters.
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
  const seconds = await oddDuration(file).catch(() => null) // a header may point anywhere
  return isMeasure(seconds ?? undefined) ? toMilliseconds(seconds ?? 0) : null
}

type Format = IAudioMetadata['format']

/** The longest track; to the millisecond. */
function durationOf({ duration, trackInfo }: Format): number | null {
  const known = [duration, ...trackInfo.map((track) => track.duration)].filter(isMeasure)
  return known.length === 0 ? null : toMilliseconds(Math.max(...known))
}

const toMilliseconds = (seconds: number): number => Math.round(seconds * 1000) / 1000

function frameOf({ trackInfo }: Format): { width: number | null; height: number | null } {
  const video = trackInfo.find((track) => track.video)?.video
  const [width, height] = [video?.pixelWidth, video?.pixelHeight]
  return isMeasure(width) && isMeasure(height) ? { width, height } : { width: null, height: null }
}

/** A header may hold any number. */
const isMeasure = (value: number | undefined): value is number =>
  value !== undefined && value > 0 && value <= Number.MAX_SAFE_INTEGER
