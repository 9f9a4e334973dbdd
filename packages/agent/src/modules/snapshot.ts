import { constants } from 'node:fs'
import { copyFile, mkdir, rename, rm, symlink } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { type Listing, listFolder } from './folder-listing.ts'

/**
 * Copies a module's folder to `target`, so that what runs is what was tested, whatever its author edits
 * meanwhile. `false` when the folder changed while it was copied.
 */
export async function takeSnapshot(folder: string, listing: Listing, target: string): Promise<boolean> {
  // A module may have deleted files of its own there, when it was tried before.
  if ((await missingFrom(target, listing)).length === 0) return true
  const beside = `${target}.new`
  await rm(beside, { recursive: true, force: true })
  await mkdir(beside, { recursive: true })
  for (const entry of listing.entries) {
    const copy = join(beside, entry.path)
    await mkdir(dirname(copy), { recursive: true })
    if (entry.kind === 'file') await copyFile(join(folder, entry.path), copy, constants.COPYFILE_FICLONE)
    else await symlink(targetOf(folder, entry.path, entry.target), copy)
  }
  const unchanged = (await listFolder(folder)).stamp === listing.stamp
  if (unchanged) {
    await rm(target, { recursive: true, force: true })
    await rename(beside, target)
  } else await rm(beside, { recursive: true, force: true })
  return unchanged
}

/** Paths that a folder lacks of those listed; all of them when there is no such folder. */
export async function missingFrom(folder: string, { entries }: Listing): Promise<string[]> {
  const there = new Set(await pathsIn(folder))
  return entries.map(({ path }) => path).filter((path) => !there.has(path))
}

/** A relative link that leads out of the folder (to weights, say) must lead to the same place from the copy. */
function targetOf(folder: string, path: string, target: string): string {
  const meant = resolve(folder, dirname(path), target)
  const way = relative(folder, meant)
  return way.startsWith('..') || isAbsolute(way) ? meant : target
}

async function pathsIn(folder: string): Promise<string[]> {
  try {
    return (await listFolder(folder)).entries.map(({ path }) => path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
