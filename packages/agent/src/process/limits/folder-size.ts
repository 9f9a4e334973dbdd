import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** `bytes` of its files as they would be sent, `onDisk` what they take there: less where a file has holes. */
export type FolderSize = { bytes: number; onDisk: number }

const atOnce = 64

/** Measures a folder that may change meanwhile: what has gone counts nothing. Links are not followed. */
export async function folderSize(folder: string): Promise<FolderSize> {
  const size: FolderSize = { bytes: 0, onDisk: 0 }
  const folders = [folder]
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    const here = next
    const names = await readdir(here).catch(() => [])
    for (let from = 0; from < names.length; from += atOnce) {
      const some = names.slice(from, from + atOnce)
      for (const found of await Promise.all(some.map((name) => look(join(here, name))))) {
        if (!found) continue
        if (found.stat.isDirectory()) folders.push(found.path)
        else if (found.stat.isFile()) size.bytes += found.stat.size
        size.onDisk += found.stat.blocks * 512
      }
    }
  }
  return size
}

/** `null`: it went away meanwhile. */
async function look(path: string) {
  const stat = await lstat(path).catch(() => null)
  return stat && { path, stat }
}
