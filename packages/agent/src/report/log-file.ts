import { type FileHandle, open } from 'node:fs/promises'
import type { LogLine } from '@millrace/shared/for-agents'
import { jsonSize, LineBlocks } from './line-blocks.ts'

export type LogLimits = { head: number; tail: number }
/** A finished log; `path` is null for one without lines. */
export type KeptLog = { path: string | null; lines: number; bytes: number; truncated: boolean }
/** Each run keeps its tail in memory. */
const usual: LogLimits = { head: 8 * 1024 * 1024, tail: 2 * 1024 * 1024 }
const mostAtOnce = 64 * 1024

/**
 * The log of one run on disk, NDJSON, of at most head + tail bytes. Of a longer one it keeps the head and the newest
 * lines, and a line from the agent gives the number of lines missing between them.
 */
export class LogFile {
  readonly #path: string
  readonly #limits: LogLimits
  #file: FileHandle | null = null
  /** Not written yet. */
  readonly #head: LineBlocks
  #headBytes = 0
  readonly #tail: LineBlocks
  #lines = 0
  #bytes = 0
  #writing: Promise<void> | null = null

  constructor(path: string, limits: LogLimits = usual) {
    const blockBytes = Math.ceil(Math.min(mostAtOnce, limits.tail / 8))
    this.#path = path
    this.#limits = limits
    this.#head = new LineBlocks(limits.head, blockBytes)
    this.#tail = new LineBlocks(limits.tail, blockBytes)
  }

  /** `bytes`: of its text. */
  add(line: LogLine, bytes = Buffer.byteLength(line.line)): void {
    this.#lines += 1
    this.#bytes += bytes
    const size = jsonSize(line, bytes)
    if (this.#tail.isEmpty && this.#headBytes + size <= this.#limits.head) {
      this.#headBytes += size
      this.#head.add(line, bytes, size)
    } else this.#tail.add(line, bytes, size)
  }

  /** Has lines that no current flush will write. */
  get isBehind(): boolean {
    return this.#writing === null && !this.#head.isEmpty
  }

  /** Writes the lines since the last flush; writes never overlap. */
  flush(): Promise<void> {
    this.#writing ??= this.#write(this.#head).finally(() => {
      this.#writing = null
    })
    return this.#writing
  }

  /** Completes the file. */
  async close(): Promise<KeptLog> {
    const { omitted } = this.#tail
    try {
      await this.flush()
      await this.#write(this.#tail, omitted)
    } finally {
      await this.#file?.close()
    }
    const path = this.#lines > 0 ? this.#path : null
    return { path, lines: this.#lines, bytes: this.#bytes, truncated: omitted > 0 }
  }

  /** Writes a block at a time: all lines at once would take memory three times, as lines, as text and as bytes. */
  async #write(lines: LineBlocks, omitted = 0): Promise<void> {
    let before = omitted
    for (let some = lines.take(); some.length > 0; some = lines.take()) {
      const [first] = some
      if (before > 0 && first) some.unshift(gapBefore(first, before))
      before = 0
      this.#file ??= await open(this.#path, 'a', 0o600)
      await this.#file.appendFile(`${some.map((line) => JSON.stringify(line)).join('\n')}\n`)
    }
  }
}

/** Takes the number of the last missing line. */
const gapBefore = (first: LogLine, omitted: number): LogLine => ({
  n: first.n - 1,
  at: first.at,
  stream: 'agent',
  line: `${omitted} lines left out here`,
})
