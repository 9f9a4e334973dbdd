import type { LogLine, LogStream } from '@millrace/shared/for-agents'

const streams: readonly LogStream[] = ['stdout', 'stderr', 'agent']
/** Stream, length of the time, length of the line, number. */
const headBytes = 1 + 1 + 4 + 8

/** The approximate bytes of a line as JSON. `bytes`: of its text. */
export const jsonSize = ({ line }: LogLine, bytes: number): number =>
  90 + (/["\\\p{Cc}]/u.test(line) ? Buffer.byteLength(JSON.stringify(line)) : bytes)

type Block = { bytes: Buffer; used: number; lines: number; asJson: number }

/**
 * The newest lines of a run, as bytes in reused blocks: in a flood, an object and a string for each waiting line would
 * take many times the memory of its text. Above the limit the oldest lines are dropped.
 */
export class LineBlocks {
  readonly #limit: number
  readonly #blockBytes: number
  #blocks: Block[] = []
  #spare: Buffer | null = null
  #asJson = 0
  #omitted = 0

  /** Both limits in bytes of JSON; lines are taken and dropped in whole blocks. */
  constructor(limit: number, blockBytes: number) {
    this.#limit = limit
    this.#blockBytes = blockBytes
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0
  }

  /** Holds at least a whole block of lines. */
  get isFull(): boolean {
    return this.#asJson >= this.#blockBytes
  }

  /** The number of lines dropped because of the limit. */
  get omitted(): number {
    return this.#omitted
  }

  /** `bytes`: of its text; `size`: as JSON. */
  add({ n, at, stream, line }: LogLine, bytes: number, size: number): void {
    const block = this.#blockFor(headBytes + at.length + bytes, size)
    const { bytes: to, used } = block
    to.writeUInt8(streams.indexOf(stream), used)
    to.writeUInt8(at.length, used + 1)
    to.writeUInt32LE(bytes, used + 2)
    to.writeDoubleLE(n, used + 6)
    to.write(at, used + headBytes, 'latin1')
    to.write(line, used + headBytes + at.length)
    block.used += headBytes + at.length + bytes
    block.lines += 1
    block.asJson += size
    this.#asJson += size
    while (this.#asJson > this.#limit && this.#blocks.length > 1) this.#omitted += this.#shift()?.lines ?? 0
  }

  /** The oldest block of lines. */
  take(): LogLine[] {
    const [oldest] = this.#blocks
    if (!oldest) return []
    const lines = linesOf(oldest)
    this.#shift()
    return lines
  }

  #blockFor(bytes: number, size: number): Block {
    const last = this.#blocks.at(-1)
    if (last && last.used + bytes <= last.bytes.length && last.asJson + size <= this.#blockBytes) return last
    const reused = this.#spare && this.#spare.length >= bytes ? this.#spare : null
    if (reused) this.#spare = null
    const fresh = () => Buffer.allocUnsafeSlow(Math.max(bytes, this.#blockBytes))
    const block = { bytes: reused ?? fresh(), used: 0, lines: 0, asJson: 0 }
    this.#blocks.push(block)
    return block
  }

  #shift(): Block | undefined {
    const oldest = this.#blocks.shift()
    if (!oldest) return undefined
    this.#asJson -= oldest.asJson
    // A block that one long line enlarged would stay that large.
    if (oldest.bytes.length === this.#blockBytes) this.#spare = oldest.bytes
    return oldest
  }
}

function linesOf({ bytes, used }: Block): LogLine[] {
  const lines: LogLine[] = []
  for (let at = 0; at < used; ) {
    const time = at + headBytes
    const text = time + bytes.readUInt8(at + 1)
    const end = text + bytes.readUInt32LE(at + 2)
    lines.push({
      n: bytes.readDoubleLE(at + 6),
      at: bytes.toString('latin1', time, text),
      stream: streams[bytes.readUInt8(at)] ?? 'agent',
      line: bytes.toString('utf8', text, end),
    })
    at = end
  }
  return lines
}
