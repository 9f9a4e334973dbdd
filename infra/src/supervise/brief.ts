const warning = 40

/** The part of a log line for the terminal: only the message, and nothing below a warning. */
export function brief(line: string): string | undefined {
  const record = parse(line)
  if (!record) return
  if (levelOf(record.level) < warning) return
  const message = [record.msg ?? record.message, errorOf(record.err)]
    .filter((part) => typeof part === 'string')
    .join(': ')
  return message || line.slice(0, 300)
}

const numbers: Record<string, number> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  warning: 40,
  error: 50,
  fatal: 60,
}

function levelOf(level: unknown): number {
  if (typeof level === 'number') return level
  return numbers[String(level).toLowerCase()] ?? 30
}

function errorOf(err: unknown): string | undefined {
  return err && typeof err === 'object' && 'message' in err ? String(err.message) : undefined
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return
  try {
    return JSON.parse(line)
  } catch {
    return undefined // not a log line of ours: the file has it
  }
}
