import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ifThere } from '../../if-there.ts'
import { shapeOfFile } from './read-result.ts'
import { type ExpectedResult, isWhole } from './result-shape.ts'

/** Asks again and again whether `result.json` is a whole result that has lain there for so long; read once per change. */
export function watchResultFile(
  outputDir: string,
  expected: ExpectedResult,
  ageMs: number,
): () => Promise<boolean> {
  let known = ''
  let isDone = false
  return async () => {
    const found = await ifThere(stat(join(outputDir, 'result.json')))
    if (!found || Date.now() - found.mtimeMs < ageMs) return false
    const version = `${found.mtimeMs} ${found.size}`
    if (version === known) return isDone
    const shape = await shapeOfFile(outputDir, expected)
    known = version
    isDone = shape !== null && isWhole(shape, expected)
    return isDone
  }
}
