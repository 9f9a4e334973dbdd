import type { Progress } from '@millrace/shared/for-agents'
import type { Mask } from '../../log/secrets.ts'
import { parsePythonJson } from '../../text/python-json.ts'
import type { OutputLine } from './read-lines.ts'
import { ResultLines } from './result-lines.ts'
import type { ExpectedResult } from './result-shape.ts'

/** Longer lines are cut in logs. */
const longestLogLine = 64 * 1024
const tailLines = 40

type OnLine = (stream: 'stdout' | 'stderr', line: string) => void | Promise<void>

/**
 * Separates a module's output into progress, the line that may be its result, and log lines.
 * A possible result goes to the log only when a later one replaces it.
 */
export function parseOutput(o: {
  onLine: OnLine
  onProgress?: (progress: Progress) => void
  expected?: ExpectedResult
  /** Applied to all that others can read; only the agent reads a result. */
  mask?: Mask
}) {
  const result = new ResultLines(o.expected)
  const stdoutTail = new Tail()
  const stderrTail = new Tail()
  const log = (line: OutputLine) => {
    const text = forLog(line, o.mask)
    stdoutTail.add(text)
    return o.onLine('stdout', text)
  }
  const logAll = (lines: OutputLine[]): void | Promise<void> => {
    const [first] = lines
    if (lines.length <= 1) return first && log(first)
    return Promise.all(lines.map(log)).then(() => undefined)
  }
  return {
    result,
    stdout(line: OutputLine): void | Promise<void> {
      const progress = o.onProgress && progressOf(line.text)
      if (progress) return o.onProgress?.(masked(progress, o.mask))
      return logAll(result.line(line))
    },
    stderr(line: OutputLine): void | Promise<void> {
      const text = forLog(line, o.mask)
      stderrTail.add(text)
      return o.onLine('stderr', text)
    },
    end: () => logAll(result.end()),
    stdoutTail: (): string[] => stdoutTail.lines,
    stderrTail: (): string[] => stderrTail.lines,
  }
}

/** The last lines of a stream. */
class Tail {
  readonly lines: string[] = []

  add(text: string): void {
    this.lines.push(text.slice(0, 1000))
    if (this.lines.length > tailLines) this.lines.shift()
  }
}

/** Reads `{"event": "progress", "percent": 40, "message": "…"}` and `PROGRESS 40 …`. */
export function progressOf(text: string): Progress | null {
  if (text.startsWith('PROGRESS ')) {
    const [, percent, message] = /^PROGRESS\s+(\d+(?:\.\d+)?)%?(?:\s+(.*))?$/.exec(text) ?? []
    return percent === undefined ? null : progressFrom(Number(percent), message)
  }
  if (!text.includes('"progress"')) return null
  const value = parsePythonJson(text)?.value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return value.event === 'progress' ? progressFrom(value.percent, value.message) : null
}

export function progressFrom(percent: unknown, message: unknown): Progress {
  return {
    ...(typeof percent === 'number' ? { percent: Math.min(100, Math.max(0, percent)) } : {}),
    ...(typeof message === 'string' ? { message: message.slice(0, 1000).toWellFormed() } : {}),
  }
}

export const masked = (progress: Progress, mask: Mask | undefined): Progress =>
  mask && progress.message ? { ...progress, message: mask(progress.message) } : progress

/** A line as the log keeps it, cut to the limit. Secrets are masked first, because a cut may leave most of one. */
export function forLog({ text: said, dropped }: OutputLine, mask: Mask = (text) => text): string {
  const text = mask(said)
  if (text.length <= longestLogLine && dropped === 0) return text.toWellFormed()
  const cut = text.slice(0, longestLogLine).toWellFormed()
  const rest = Buffer.byteLength(text) - Buffer.byteLength(cut) + dropped
  return `${cut} … [line cut, ${rest} bytes more]`
}
