import { type FileHandle, open } from 'node:fs/promises'
import type { LogLine } from '@millrace/shared'
import { LogTail } from './log-tail.ts'

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
  readonly #tail: LogTail
  #lines = 0
  #bytes = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(path: string, limits: LogLimits = usual) {
    this.#path = path
    this.#limits = limits
    this.#tail = new LogTail(limits.tail)
  }

  /** `bytes`: of its text. */
  add(line: LogLine, bytes = Buffer.byteLength(line.line)): void {
    this.#lines += 1
    this.#bytes += bytes
    const isHead = this.#tail.isEmpty && this.#addToHead(`${JSON.stringify(line)}\n`)
    if (!isHead) this.#tail.add(line, bytes)
  }

  /** Something came since the last flush. */
  get isBehind(): boolean {
    return this.#pending.length > 0
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
    const { text, omitted } = this.#tail.end()
    if (text !== '') this.#pending.push(text)
    try {
      await this.flush()
    } finally {
      await this.#file?.close()
    }
    const path = this.#lines > 0 ? this.#path : null
    return { path, lines: this.#lines, bytes: this.#bytes, truncated: omitted > 0 }
  }

  #addToHead(text: string): boolean {
    const bytes = Buffer.byteLength(text)
    if (this.#headBytes + bytes > this.#limits.head) return false
    this.#headBytes += bytes
    this.#pending.push(text)
    return true
  }

  async #append(text: string): Promise<void> {
    this.#file ??= await open(this.#path, 'a', 0o600)
    await this.#file.appendFile(text)
  }
}
