import type { LogBatch, LogLine, Progress } from '@millrace/shared'

const batchBytes = 64 * 1024
/** Lines waiting for NATS beyond this are left out of the live log, oldest first; the archive has them. */
const waitingBytes = 4 * 1024 * 1024

type Waiting = { line: LogLine; bytes: number }

/** Lines and progress on their way to the live log, cut into batches. */
export class LogBatches {
  #waiting: Waiting[] = []
  #bytes = 0
  #progress: Progress | undefined
  #lastN = 0

  add(line: LogLine): void {
    // 100 for the other fields: an estimate is enough to stay below what NATS carries (1 MiB).
    const bytes = Buffer.byteLength(line.line) + 100
    this.#waiting.push({ line, bytes })
    this.#bytes += bytes
    this.#lastN = line.n
    let dropped = 0
    while (this.#bytes > waitingBytes && dropped < this.#waiting.length - 1)
      this.#bytes -= this.#waiting[dropped++]?.bytes ?? 0
    if (dropped > 0) this.#waiting = this.#waiting.slice(dropped)
  }

  progress(progress: Progress): void {
    this.#progress = progress
  }

  get isFull(): boolean {
    return this.#bytes >= batchBytes
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#progress === undefined
  }

  /** The next batch: at most 64 KiB of lines, but always one if any waits. */
  take(): LogBatch | null {
    if (this.isEmpty) return null
    let count = 0
    let bytes = 0
    for (const { bytes: more } of this.#waiting) {
      if (count > 0 && bytes + more > batchBytes) break
      bytes += more
      count += 1
    }
    const lines = this.#waiting.slice(0, count).map(({ line }) => line)
    this.#waiting = this.#waiting.slice(count)
    this.#bytes -= bytes
    const progress = this.#progress
    this.#progress = undefined
    return { v: 1, from: lines[0]?.n ?? this.#lastN + 1, lines, ...(progress ? { progress } : {}) }
  }
}
