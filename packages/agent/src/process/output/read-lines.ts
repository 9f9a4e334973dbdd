import type { Readable } from 'node:stream'
import { collectWhatWasRead } from '../../machine/collect-garbage.ts'
import { decodeLine } from './decode-line.ts'

/** The longest line that is kept whole: the limit of a result on standard output. */
export const longestLine = 1024 * 1024

/**
 * One line of output. `dropped` counts the discarded bytes beyond the limit. `isForeign`: the line was not UTF-8
 * and was read as Windows-1252.
 */
export type OutputLine = { text: string; dropped: number; isForeign?: true }

/** A stream that is being read. */
export type LineReader = {
  /** The line that has begun and not ended yet. */
  begun(): string
  /** Passes on that line as it is. */
  flush(): void
}

/**
 * Passes on a stream line by line, with at most `longestLine` bytes in memory.
 * When `onLine` returns a promise, reading waits for it, and the writer waits on its full pipe.
 */
export function readLines(stream: Readable, onLine: (line: OutputLine) => void | Promise<void>): LineReader {
  let waiting: Promise<void>[] = []
  const lines = splitLines((line) => {
    const handled = onLine(line)
    if (handled) waiting.push(handled)
  })
  const resume = () => stream.resume()
  stream.on('data', (chunk: Buffer) => {
    lines.push(chunk)
    collectWhatWasRead(chunk.length)
    if (waiting.length === 0) return
    stream.pause()
    void Promise.allSettled(waiting).then(resume)
    waiting = []
  })
  stream.on('end', () => lines.end())
  return { begun: lines.begun, flush: lines.end }
}

const newline = 10
const carriageReturn = 13

/**
 * Splits bytes at LF, CRLF, and at the lone CR with which progress bars overwrite themselves.
 * Splitting bytes instead of text keeps a character whole that spans two chunks.
 */
export function splitLines(onLine: (line: OutputLine) => void): {
  push(chunk: Buffer): void
  begun(): string
  end(): void
} {
  let kept: Buffer[] = []
  let size = 0
  let dropped = 0

  const keep = (bytes: Buffer) => {
    const room = Math.max(0, longestLine - size)
    if (bytes.length > 0 && room > 0) kept.push(bytes.length > room ? bytes.subarray(0, room) : bytes)
    size += Math.min(bytes.length, room)
    dropped += Math.max(0, bytes.length - room)
  }

  const bytes = () => (kept.length === 1 && kept[0] ? kept[0] : Buffer.concat(kept))

  const emit = (overwritten = false) => {
    const line = { ...decodeLine(bytes(), dropped > 0), dropped }
    kept = []
    size = 0
    dropped = 0
    for (const part of withoutCarriageReturns(line)) if (!overwritten || part.text !== '') onLine(part)
  }

  return {
    push(chunk) {
      let start = 0
      for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, start)) {
        keep(chunk.subarray(start, at))
        emit()
        start = at + 1
      }
      // The last byte stays for now: an LF may follow it.
      const over = chunk.length - start > 1 ? chunk.lastIndexOf(carriageReturn, chunk.length - 2) : -1
      if (over >= start) {
        keep(chunk.subarray(start, over + 1))
        emit(true)
        start = over + 1
      }
      keep(chunk.subarray(start))
    },
    begun: () => decodeLine(bytes(), false).text,
    end() {
      if (size > 0 || dropped > 0) emit()
    },
  }
}

function withoutCarriageReturns(line: OutputLine): OutputLine[] {
  if (!line.text.includes('\r')) return [line]
  const parts = line.text.replace(/(?<!\r)\r+$/, '').split('\r')
  if (parts.length === 1) return [{ ...line, text: parts[0] ?? '' }]
  return parts.filter((text) => text !== '').map((text) => ({ ...line, text }))
}
