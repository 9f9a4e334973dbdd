import { LogLine } from '@millrace/shared'

/** An archive was written by an agent: a damaged line is left out, the others are shown. */
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

/** The lines that a reader has not had. A batch may come twice. */
export function increasing(lines: readonly LogLine[], after: number): LogLine[] {
  let last = after
  return lines.filter((line) => {
    const isNew = line.n > last
    if (isNew) last = line.n
    return isNew
  })
}
