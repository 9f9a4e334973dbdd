import { readFile } from 'node:fs/promises'

export type FoundFile = { file: string; text: string } | { file: string; unreadable: string }

/** The first of these files that is there. */
export async function findFile(files: readonly string[]): Promise<FoundFile | null> {
  for (const file of files) {
    try {
      return { file, text: await readFile(file, 'utf8') }
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : null
      if (code !== 'ENOENT' && code !== 'ENOTDIR') return { file, unreadable: String(error) }
    }
  }
  return null
}
