import { constants } from 'node:fs'
import { access, copyFile, mkdir, rename, rm, symlink } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { type Listing, listFolder } from './folder-listing.ts'

/**
 * Copies a module's folder to `target`, so that what runs is what was tested, whatever its author edits
 * meanwhile. `false` when the folder changed while it was copied.
 */
export async function takeSnapshot(folder: string, listing: Listing, target: string): Promise<boolean> {
  if (await isThere(target)) return true
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
  if (unchanged) await rename(beside, target)
  else await rm(beside, { recursive: true, force: true })
  return unchanged
}

/** A relative link that leads out of the folder (to weights, say) must lead to the same place from the copy. */
function targetOf(folder: string, path: string, target: string): string {
  const meant = resolve(folder, dirname(path), target)
  const way = relative(folder, meant)
  return way.startsWith('..') || isAbsolute(way) ? meant : target
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
