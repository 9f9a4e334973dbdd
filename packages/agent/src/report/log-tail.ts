import type { LogLine } from '@millrace/shared'
import { LineBlocks } from './line-blocks.ts'

/** The newest lines of a log whose head is full. */
export class LogTail {
  readonly #limit: number
  readonly #blocks: LineBlocks

  constructor(limit: number) {
    this.#limit = limit
    this.#blocks = new LineBlocks(limit, Math.ceil(Math.min(64 * 1024, limit / 8)))
  }

  get isEmpty(): boolean {
    return this.#blocks.isEmpty
  }

  /** `bytes`: of its text. */
  add(line: LogLine, bytes: number): void {
    this.#blocks.add(line, bytes)
  }

  /** As NDJSON, and before it a line of the agent's own in the place of the last that is missing. */
  end(): { text: string; omitted: number } {
    const left: LogLine[] = []
    for (let some = this.#blocks.take(); some.length > 0; some = this.#blocks.take()) left.push(...some)
    const kept: string[] = []
    let first: LogLine | undefined
    let bytes = 0
    for (let line = left.at(-1); line; line = left.at(-1)) {
      const text = `${JSON.stringify(line)}\n`
      bytes += Buffer.byteLength(text)
      // What JSON has to write out is longer than it seemed.
      if (kept.length > 0 && bytes > this.#limit) break
      kept.push(text)
      first = left.pop()
    }
    const omitted = this.#blocks.omitted + left.length
    if (omitted > 0 && first) kept.push(`${JSON.stringify(gapBefore(first, omitted))}\n`)
    return { text: kept.reverse().join(''), omitted }
  }
}

const gapBefore = (first: LogLine, omitted: number): LogLine => ({
  ...first,
  n: first.n - 1,
  stream: 'agent',
  line: `${omitted} lines left out here`,
})
