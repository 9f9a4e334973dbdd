import type { LogBatch, LogLine, Progress } from '@millrace/shared/for-agents'
import { jsonSize, LineBlocks } from './line-blocks.ts'

const batchBytes = 64 * 1024
/** Above this, lines waiting for NATS are dropped from the live log, oldest first; the archive has them. */
const waitingBytes = 1024 * 1024

/** Lines and progress for the live log, in batches. */
export class LogBatches {
  readonly #waiting = new LineBlocks(waitingBytes, batchBytes)
  #progress: Progress | undefined
  #lastN = 0

  /** `bytes`: of its text. */
  add(line: LogLine, bytes = Buffer.byteLength(line.line)): void {
    this.#waiting.add(line, bytes, jsonSize(line, bytes))
    this.#lastN = line.n
  }

  progress(progress: Progress): void {
    this.#progress = progress
  }

  get isFull(): boolean {
    return this.#waiting.isFull
  }

  get isEmpty(): boolean {
    return this.#waiting.isEmpty && this.#progress === undefined
  }

  /** The next batch: at most 64 KiB of lines, but at least one if any waits. */
  take(): LogBatch | null {
    if (this.isEmpty) return null
    const lines = this.#waiting.take()
    const progress = this.#progress
    this.#progress = undefined
    return { v: 1, from: lines[0]?.n ?? this.#lastN + 1, lines, ...(progress ? { progress } : {}) }
  }
}
