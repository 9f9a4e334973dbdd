import type { LogLine } from './contract.gen.ts'

/** The lines of an answer that has one in each. */
export async function linesIn(response: Response): Promise<LogLine[]> {
  const text = await response.text()
  return text
    .split('\n')
    .filter(Boolean)
    .map((line): LogLine => JSON.parse(line))
}
