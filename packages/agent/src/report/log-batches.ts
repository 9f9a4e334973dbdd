import type { LogBatch, LogLine, Progress } from '@millrace/shared'

const batchBytes = 64 * 1024
/** Lines waiting for NATS beyond this are left out of the live log, oldest first; the archive has them. */
const waitingBytes = 4 * 1024 * 1024
/** In blocks: to cut an array of many lines for each line would be quadratic. */
const forgottenAtOnce = 4096

type Waiting = { line: LogLine; bytes: number }

/** Lines and progress on their way to the live log, cut into batches. */
export class LogBatches {
  #waiting: Waiting[] = []
  /** Those before are sent or left out. */
  #from = 0
  #bytes = 0
  #progress: Progress | undefined
  #lastN = 0

  add(line: LogLine): void {
    // 100 for the other fields: an estimate is enough to stay below what NATS carries (1 MiB).
    const bytes = Buffer.byteLength(line.line) + 100
    this.#waiting.push({ line, bytes })
    this.#bytes += bytes
    this.#lastN = line.n
    while (this.#bytes > waitingBytes && this.#from < this.#waiting.length - 1) {
      this.#bytes -= this.#waiting[this.#from]?.bytes ?? 0
      this.#from += 1
    }
    this.#forget(forgottenAtOnce)
  }

  progress(progress: Progress): void {
    this.#progress = progress
  }

  get isFull(): boolean {
    return this.#bytes >= batchBytes
  }

  get isEmpty(): boolean {
    return this.#from === this.#waiting.length && this.#progress === undefined
  }

  /** The next batch: at most 64 KiB of lines, but always one if any waits. */
  take(): LogBatch | null {
    if (this.isEmpty) return null
    let to = this.#from
    let bytes = 0
    for (let next = this.#waiting[to]; next; next = this.#waiting[to]) {
      if (to > this.#from && bytes + next.bytes > batchBytes) break
      bytes += next.bytes
      to += 1
    }
    const lines = this.#waiting.slice(this.#from, to).map(({ line }) => line)
    this.#from = to
    this.#bytes -= bytes
    this.#forget(forgottenAtOnce)
    const progress = this.#progress
    this.#progress = undefined
    return { v: 1, from: lines[0]?.n ?? this.#lastN + 1, lines, ...(progress ? { progress } : {}) }
  }

  #forget(atOnce: number): void {
    if (this.#from < atOnce && this.#from < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#from)
    this.#from = 0
  }
}
