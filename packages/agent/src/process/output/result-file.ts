import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { shapeOfFile } from './read-result.ts'
import { type ExpectedResult, isWhole } from './result-shape.ts'

/**
 * Whether `result.json` is a complete result that has not changed for a while; reads it once per change. An
 * unreadable file, such as a link or one in a removed folder, is not a result.
 */
export function watchResultFile(
  outputDir: string,
  expected: ExpectedResult,
  ageMs: number,
): () => Promise<boolean> {
  let known = ''
  let isDone = false
  return async () => {
    const found = await lstat(join(outputDir, 'result.json')).catch(() => null)
    if (!found || Date.now() - found.mtimeMs < ageMs) return false
    const version = `${found.mtimeMs} ${found.size}`
    if (version === known) return isDone
    const shape = await shapeOfFile(outputDir, expected).catch(() => null)
    known = version
    isDone = shape !== null && isWhole(shape, expected)
    return isDone
  }
}
