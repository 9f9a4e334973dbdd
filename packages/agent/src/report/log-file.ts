import { type FileHandle, open } from 'node:fs/promises'
import type { LogLine } from '@millrace/shared'

export type LogLimits = { head: number; tail: number }
/** What became of a log; `path` is null when there was not a single line. */
export type KeptLog = { path: string | null; lines: number; bytes: number; truncated: boolean }
const usual: LogLimits = { head: 5 * 1024 * 1024, tail: 5 * 1024 * 1024 }

/**
 * The log of one run on disk, NDJSON. Grows up to head + tail bytes; of anything longer the head and the
 * newest lines are kept, and a line of the agent's own tells how many are missing between them.
 */
export class LogFile {
  readonly #path: string
  readonly #limits: LogLimits
  #file: FileHandle | null = null
  #pending: string[] = []
  #headBytes = 0
  #tail: { text: string; bytes: number; at: string; n: number }[] = []
  #tailFrom = 0
  #tailBytes = 0
  #omitted = 0
  #lastOmitted: { at: string; n: number } | null = null
  #lines = 0
  #bytes = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(path: string, limits: LogLimits = usual) {
    this.#path = path
    this.#limits = limits
  }

  add(line: LogLine): void {
    const text = `${JSON.stringify(line)}\n`
    const bytes = Buffer.byteLength(text)
    this.#lines += 1
    this.#bytes += Buffer.byteLength(line.line)
    if (this.#tail.length === 0 && this.#headBytes + bytes <= this.#limits.head) {
      this.#headBytes += bytes
      this.#pending.push(text)
      return
    }
    this.#tail.push({ text, bytes, at: line.at, n: line.n })
    this.#tailBytes += bytes
    while (this.#tailBytes > this.#limits.tail && this.#tailFrom < this.#tail.length) this.#omitOldest()
  }

  /** Writes what came since the last time; writes never overlap. */
  flush(): Promise<void> {
    if (this.#pending.length === 0) return this.#writing
    const text = this.#pending.join('')
    this.#pending = []
    this.#writing = this.#writing.then(() => this.#append(text))
    return this.#writing
  }

  /** Completes the file. */
  async close(): Promise<KeptLog> {
    const tail = this.#tail.slice(this.#tailFrom)
    if (this.#omitted > 0) this.#pending.push(`${JSON.stringify(this.#gap())}\n`)
    this.#pending.push(...tail.map(({ text }) => text))
    try {
      await this.flush()
    } finally {
      await this.#file?.close()
    }
    const path = this.#lines > 0 ? this.#path : null
    return { path, lines: this.#lines, bytes: this.#bytes, truncated: this.#omitted > 0 }
  }

  #omitOldest(): void {
    this.#tailBytes -= this.#tail[this.#tailFrom]?.bytes ?? 0
    this.#tailFrom += 1
    this.#omitted += 1
    // Dropped in blocks: shifting an array of many lines one by one would be quadratic.
    if (this.#tailFrom < 4096) return
    this.#lastOmitted = this.#tail[this.#tailFrom - 1] ?? this.#lastOmitted
    this.#tail = this.#tail.slice(this.#tailFrom)
    this.#tailFrom = 0
  }

  #gap(): LogLine {
    const last = this.#tail[this.#tailFrom - 1] ?? this.#lastOmitted
    return {
      n: last?.n ?? 1,
      at: last?.at ?? new Date().toISOString(),
      stream: 'agent',
      line: `${this.#omitted} lines left out here`,
    }
  }

  async #append(text: string): Promise<void> {
    this.#file ??= await open(this.#path, 'a', 0o600)
    await this.#file.appendFile(text)
  }
}
