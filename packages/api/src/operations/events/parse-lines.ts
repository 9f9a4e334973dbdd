import { LogLine } from '@millrace/shared'

/** An agent wrote the archive: skips damaged lines and returns the others. */
export const parseLines = (text: string): LogLine[] =>
  text
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => parseLine(line) ?? [])

function parseLine(text: string): LogLine | undefined {
  try {
    return LogLine.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** The lines that a reader does not have. A batch may come twice. */
export function increasing(lines: readonly LogLine[], after: number): LogLine[] {
  let last = after
  return lines.filter((line) => {
    const isNew = line.n > last
    if (isNew) last = line.n
    return isNew
  })
}
