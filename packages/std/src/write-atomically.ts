import { open, rename, rm } from 'node:fs/promises'

/**
 * Writes a file so that a reader finds the old or the new content, whole, even after a kill.
 * The folder itself is not synced: after a power cut the old content may be back, which callers can bear.
 */
export async function writeAtomically(path: string, text: string, mode = 0o600): Promise<void> {
  const half = `${path}.${process.pid}.tmp`
  try {
    const file = await open(half, 'w', mode)
    try {
      await file.writeFile(text)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(half, path)
  } catch (error) {
    await rm(half, { force: true })
    throw error
  }
}
