/** Reads bytes `from` up to, not including, `to`. */
export type ReadRange = (from: number, to: number, signal: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>

const chunk = 64 * 1024
/** The most that reading one file may cost, whatever its headers point to. */
const most = { bytes: 8 * 1024 * 1024, requests: 64, reads: 20_000, ms: 5_000 }

/**
 * A file in the object store as a `Blob` that fetches what is read, in whole chunks, each once. Read it by
 * `slice(…).arrayBuffer()`. Rejects when a reader exceeds the limits (`RangeError`) or takes too long (`TimeoutError`),
 * and when `read` rejects.
 */
export function storedFile(size: number, read: ReadRange): Blob {
  return new StoredFile(chunksOf(size, read), 0, size)
}

class StoredFile extends Blob {
  readonly #bytes: Bytes
  readonly #from: number
  readonly #to: number

  constructor(bytes: Bytes, from: number, to: number, type?: string) {
    super([], { type })
    this.#bytes = bytes
    this.#from = from
    this.#to = to
  }

  override get size(): number {
    return this.#to - this.#from
  }

  override slice(start = 0, end = this.size, type?: string): Blob {
    const to = Math.min(this.#from + end, this.#to)
    return new StoredFile(this.#bytes, Math.min(this.#from + start, to), to, type)
  }

  override arrayBuffer(): Promise<ArrayBuffer> {
    return this.#bytes(this.#from, this.#to)
  }
}

type Bytes = (from: number, to: number) => Promise<ArrayBuffer>

function chunksOf(size: number, read: ReadRange): Bytes {
  const chunks = new Map<number, Uint8Array>()
  const signal = AbortSignal.timeout(most.ms)
  const spent = { requests: 0, reads: 0 }

  /** Fetches adjacent missing chunks together. */
  async function fetchMissing(first: number, last: number): Promise<void> {
    for (let at = first; at <= last; at += 1) {
      if (chunks.has(at)) continue
      let end = at + 1
      while (end <= last && !chunks.has(end)) end += 1
      spent.requests += 1
      if (spent.requests > most.requests || (chunks.size + end - at) * chunk > most.bytes)
        throw new RangeError('Reading this file exceeds the limit of requests or bytes.')
      const bytes = await read(at * chunk, Math.min(end * chunk, size), signal)
      for (let one = at; one < end; one += 1)
        chunks.set(one, bytes.subarray((one - at) * chunk, (one - at + 1) * chunk))
    }
  }

  return async (from, to) => {
    signal.throwIfAborted()
    spent.reads += 1
    if (spent.reads > most.reads) throw new RangeError('Reading this file exceeds the limit of reads.')
    if (from >= to) return new ArrayBuffer()
    const first = Math.floor(from / chunk)
    const last = Math.floor((to - 1) / chunk)
    await fetchMissing(first, last)
    const wanted = new Uint8Array(to - from)
    for (let at = first; at <= last; at += 1) {
      const start = Math.max(from, at * chunk)
      const part = chunks.get(at)?.subarray(start - at * chunk, to - at * chunk)
      wanted.set(part ?? [], start - from)
    }
    return wanted.buffer
  }
}
