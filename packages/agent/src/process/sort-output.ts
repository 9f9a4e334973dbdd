import type { Progress } from '@millrace/shared/for-agents'
import type { Mask } from '../secrets.ts'
import { parsePythonJson } from './python-json.ts'
import type { OutputLine } from './read-lines.ts'

/** Longer lines are cut in logs. */
export const longestLogLine = 64 * 1024
const tailLines = 40

type OnLine = (stream: 'stdout' | 'stderr', line: string) => void | Promise<void>

/**
 * Tells apart what a module prints: progress, the line that may be its result, and log lines.
 * A possible result goes to the log only when a later one shows that it was not the last.
 */
export function sortOutput(o: {
  onLine: OnLine
  onProgress?: (progress: Progress) => void
  /** An object with one of these keys can be the result. */
  resultKeys?: readonly string[]
  /** Over all that others get to read; a result is read by the agent alone. */
  mask?: Mask
}) {
  const resultKeys = o.resultKeys ?? ['status', 'success']
  let result: string | null = null
  const tail: string[] = []
  return {
    stdout(line: OutputLine): void | Promise<void> {
      const progress = o.onProgress && progressOf(line.text)
      if (progress) return o.onProgress?.(masked(progress, o.mask))
      if (line.dropped > 0 || !isResult(line.text, resultKeys))
        return o.onLine('stdout', forLog(line, o.mask))
      const earlier = result
      result = line.text
      if (earlier !== null) return o.onLine('stdout', forLog({ text: earlier, dropped: 0 }, o.mask))
    },
    stderr(line: OutputLine): void | Promise<void> {
      const text = forLog(line, o.mask)
      tail.push(text.slice(0, 1000))
      if (tail.length > tailLines) tail.shift()
      return o.onLine('stderr', text)
    },
    lastJsonLine: (): string | null => result,
    stderrTail: (): string[] => tail,
  }
}

function isResult(text: string, keys: readonly string[]): boolean {
  if (!/^\s*\{.*"(?:status|success)".*\}\s*$/s.test(text)) return false
  const value = parsePythonJson(text)?.value
  return typeof value === 'object' && value !== null && keys.some((key) => Object.hasOwn(value, key))
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

/** As it is kept: not longer than a log's lines may be. Secrets first: a cut may leave most of one. */
export function forLog({ text: said, dropped }: OutputLine, mask: Mask = (text) => text): string {
  const text = mask(said)
  if (text.length <= longestLogLine && dropped === 0) return text
  const cut = text.slice(0, longestLogLine).toWellFormed()
  const rest = Buffer.byteLength(text) - Buffer.byteLength(cut) + dropped
  return `${cut} … [line cut, ${rest} bytes more]`
}
