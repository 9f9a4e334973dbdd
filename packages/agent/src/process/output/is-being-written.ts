import { entriesBelow } from '../limits/files-below.ts'

/** A time beyond this was set by the program, and says nothing about its last write. */
const clockSlackMs = 2_000

/** Whether a file in a folder changed within the last milliseconds: a child or a thread may still be writing. */
export async function isBeingWritten(folder: string, withinMs: number): Promise<boolean> {
  const now = Date.now()
  for await (const { mtimeMs } of entriesBelow(folder))
    if (mtimeMs > now - withinMs && mtimeMs < now + clockSlackMs) return true
  return false
}
