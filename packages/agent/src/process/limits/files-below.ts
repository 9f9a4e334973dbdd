import type { Stats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const atOnce = 64

/** All files below a folder that may change meanwhile, in small batches; links are not followed. */
export async function* entriesBelow(folder: string): AsyncGenerator<Stats> {
  const folders = [folder]
  for (let here = folders.pop(); here !== undefined; here = folders.pop()) {
    const at = here
    const names = await readdir(at).catch(() => [])
    for (let from = 0; from < names.length; from += atOnce) {
      const paths = names.slice(from, from + atOnce).map((name) => join(at, name))
      for (const [index, found] of (await Promise.all(paths.map(statOf))).entries()) {
        if (!found) continue
        if (found.isDirectory()) folders.push(paths[index] ?? '')
        yield found
      }
    }
  }
}

/** `null`: it has gone meanwhile. */
const statOf = (path: string): Promise<Stats | null> => lstat(path).catch(() => null)
