import { readFile } from 'node:fs/promises'
import { decodeText } from '../text/decode-text.ts'

export type FoundFile = { file: string; text: string } | { file: string; unreadable: string }

/** The first of these files that exists. */
export async function findFile(files: readonly string[]): Promise<FoundFile | null> {
  for (const file of files) {
    try {
      const decoded = decodeText(await readFile(file))
      return 'fault' in decoded
        ? { file, unreadable: `it ${decoded.fault}: save it as UTF-8` }
        : { file, ...decoded }
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : null
      if (code !== 'ENOENT' && code !== 'ENOTDIR') return { file, unreadable: String(error) }
    }
  }
  return null
}
