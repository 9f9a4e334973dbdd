/**
 * The duration of recordings whose headers have it in an unusual place or not at all: live recordings of browsers (WebM
 * without a duration), AVI, and WAV beyond 4 GiB or of unknown length. `null` where the duration stays unknown.
 */
export async function oddDuration(file: Blob): Promise<number | null> {
  const head = await bytesOf(file.slice(0, headBytes))
  if (head.readUInt32BE(0) === 0x1a45dfa3) return durationOfWebm(file, head)
  const [riff, kind] = [head.toString('latin1', 0, 4), head.toString('latin1', 8, 12)]
  if (riff === 'RIFF' && kind === 'AVI ') return durationOfAvi(head)
  if (/^(RIFF|RF64|BW64)$/.test(riff) && kind === 'WAVE') return durationOfWave(head, file.size)
  return null
}

const headBytes = 64 * 1024
const bytesOf = async (blob: Blob): Promise<Buffer> => {
  const bytes = Buffer.from(await blob.arrayBuffer())
  return bytes.length < 128 ? Buffer.concat([bytes, Buffer.alloc(128)]) : bytes
}

/** AVI main header: microseconds per frame, and frames (https://learn.microsoft.com/windows/win32/api/aviriff/ns-aviriff-avimainheader). */
function durationOfAvi(head: Buffer): number | null {
  const at = head.indexOf('avih', 0, 'latin1')
  if (at === -1 || at + 28 > head.length) return null
  return (head.readUInt32LE(at + 8) * head.readUInt32LE(at + 8 + 16)) / 1e6
}

/** The bytes of sound, by `ds64` (EBU Tech 3306) or to the end of the file, divided by the bytes of a second. */
function durationOfWave(head: Buffer, size: number): number | null {
  const format = head.indexOf('fmt ', 12, 'latin1')
  const data = head.indexOf('data', 12, 'latin1')
  if (format === -1 || data === -1 || format + 24 > head.length) return null
  const [rate, perSecond] = [head.readUInt32LE(format + 12), head.readUInt32LE(format + 16)]
  const long = head.indexOf('ds64', 12, 'latin1')
  const declared = long === -1 ? head.readUInt32LE(data + 4) : Number(head.readBigUInt64LE(long + 16))
  const isUnknown = declared === 0 || declared === 0xffffffff
  const bytes = Math.min(isUnknown ? size : declared, size - data - 8)
  return rate > 0 && perSecond > 0 ? bytes / perSecond : null
}

const pieceBytes = 256 * 1024
/** A cluster of a recording holds a few seconds. */
const mostPieces = 16
const cluster = Buffer.from('1f43b675', 'hex')
/** A hostile file may consist of fake clusters: limits on the clusters that are tried and on their elements in total. */
const most = { clusters: 100, elements: 50_000 }

/** The time of the last block: from the last cluster, found from the end (https://www.matroska.org/technical/elements.html). */
async function durationOfWebm(file: Blob, head: Buffer): Promise<number | null> {
  let tail: Buffer = Buffer.alloc(0)
  const left = { ...most }
  for (let piece = 1; piece <= mostPieces; piece += 1) {
    const from = Math.max(0, file.size - piece * pieceBytes)
    const to = Math.max(0, file.size - (piece - 1) * pieceBytes)
    const fresh = Buffer.from(await file.slice(from, to).arrayBuffer())
    tail = Buffer.concat([fresh, tail])
    for (const at of clustersIn(tail, fresh.length)) {
      left.clusters -= 1
      const ticks = lastTimeIn(tail, at + cluster.length, left)
      if (ticks !== null) return (ticks * ticksOf(head)) / 1e9
      if (left.clusters <= 0 || left.elements <= 0) return null
    }
    if (from === 0) return null
  }
  return null
}

/** Where clusters may begin within the first bytes, from the last to the first. */
function* clustersIn(bytes: Buffer, before: number): Generator<number> {
  for (let end = before - 1; end >= 0; ) {
    const at = bytes.lastIndexOf(cluster, end)
    if (at === -1) return
    yield at
    end = at - 1
  }
}

/** Nanoseconds of a tick. */
function ticksOf(head: Buffer): number {
  const at = head.indexOf('2ad7b1', 0, 'hex')
  const length = at === -1 ? 0 : (head[at + 3] ?? 0) & 0x7f
  return length >= 1 && length <= 6 && at + 4 + length <= head.length ? head.readUIntBE(at + 4, length) : 1e6
}

/** The latest time in the cluster whose size begins here; `null` when it is none. */
function lastTimeIn(bytes: Buffer, start: number, left: { elements: number }): number | null {
  const size = numberAt(bytes, start)
  if (!size || bytes[size.end] !== 0xe7) return null
  let time: number | null = null
  let latest: number | null = null
  for (let at = size.end; at < bytes.length && left.elements > 0; left.elements -= 1) {
    const id = bytes[at] ?? 0
    const length = numberAt(bytes, at + 1)
    if (!length) break
    const body = length.end
    if (id === 0xe7 && length.value <= 6 && length.value > 0 && body + length.value <= bytes.length)
      time = bytes.readUIntBE(body, length.value)
    // A group holds its block, a simple block stands alone: track, time relative to the cluster's, flags.
    const inner = id === 0xa0 ? { at: body, isGroup: true } : { at, isGroup: false }
    const block = id === 0xa3 || inner.isGroup ? blockAt(bytes, inner.at) : null
    if (time !== null && block !== null) latest = Math.max(latest ?? 0, time + block)
    if (id !== 0xe7 && id !== 0xa3 && id !== 0xa0 && id !== 0xab && id !== 0xa7 && id !== 0xec) break
    at = body + length.value
  }
  return latest ?? time
}

function blockAt(bytes: Buffer, at: number): number | null {
  if (bytes[at] !== 0xa3 && bytes[at] !== 0xa1) return null
  const length = numberAt(bytes, at + 1)
  const track = length && numberAt(bytes, length.end)
  return track && track.end + 2 <= bytes.length ? bytes.readInt16BE(track.end) : null
}

/** A number of one to eight bytes, as many as its first has zeros before a one. */
function numberAt(bytes: Buffer, at: number): { value: number; end: number } | null {
  const first = bytes[at] ?? 0
  const length = Math.clz32(first) - 23
  if (first === 0 || at + length > bytes.length) return null
  let value = first & (0xff >> length)
  for (let more = 1; more < length; more += 1) value = value * 256 + (bytes[at + more] ?? 0)
  return { value, end: at + length }
}
