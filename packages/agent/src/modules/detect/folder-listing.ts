import { createHash } from 'node:crypto'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { basename, join } from 'node:path'

export type Entry =
  | { path: string; kind: 'file'; size: number; changedAt: number }
  | { path: string; kind: 'link'; target: string; changedAt: number }

/** The contents of a module's folder, without files that tools leave; `path` uses `/`. Sorted by path. */
export type Listing = { entries: Entry[]; changedAt: number; stamp: string }

const ignoredFolders = new Set([
  '__pycache__',
  '.git',
  '.hg',
  '.svn',
  '.venv',
  'venv',
  '.idea',
  '.vscode',
  '.pytest_cache',
  '.mypy_cache',
  '.ruff_cache',
  '.ipynb_checkpoints',
])
const ignoredFiles = /^(?:\.DS_Store|Thumbs\.db|desktop\.ini|.*\.py[co]|.*\.sw[op]|.*~)$/

/** Files that tools leave in a folder are no part of a module. */
export function isIgnored(path: string): boolean {
  const name = basename(path)
  return ignoredFolders.has(name) || ignoredFiles.test(name)
}

/**
 * Lists a folder without reading its files. `changedAt` is the latest change in milliseconds. `stamp` stays
 * the same while no file changes, which saves reading all files at every start.
 */
export async function listFolder(folder: string): Promise<Listing> {
  const entries: Entry[] = []
  let changedAt = 0
  const walk = async (inside: string): Promise<void> => {
    const stat = await lstat(join(folder, inside))
    changedAt = Math.max(changedAt, stat.mtimeMs, stat.ctimeMs)
    for (const item of await readdir(join(folder, inside), { withFileTypes: true })) {
      const path = inside === '' ? item.name : `${inside}/${item.name}`
      if (item.isDirectory()) {
        if (!ignoredFolders.has(item.name)) await walk(path)
      } else if (!ignoredFiles.test(item.name)) {
        const entry = await entryOf(folder, path)
        if (entry) entries.push(entry)
      }
    }
  }
  await walk('')
  for (const entry of entries) changedAt = Math.max(changedAt, entry.changedAt)
  entries.sort((a, b) => (a.path < b.path ? -1 : 1))
  const stamp = createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 32)
  return { entries, changedAt, stamp }
}

async function entryOf(folder: string, path: string): Promise<Entry | null> {
  const stat = await lstat(join(folder, path))
  const changedAt = Math.max(stat.mtimeMs, stat.ctimeMs)
  if (stat.isSymbolicLink())
    return { path, kind: 'link', target: await readlink(join(folder, path)), changedAt }
  // Sockets, pipes and devices are no part of a module.
  return stat.isFile() ? { path, kind: 'file', size: stat.size, changedAt } : null
}
