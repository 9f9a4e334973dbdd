import { entriesBelow } from '../limits/files-below.ts'

/** Whether a file in a folder changed within the last milliseconds: a child or a thread may still be writing. */
export async function isBeingWritten(folder: string, withinMs: number): Promise<boolean> {
  const since = Date.now() - withinMs
  for await (const { mtimeMs } of entriesBelow(folder)) if (mtimeMs > since) return true
  return false
}
