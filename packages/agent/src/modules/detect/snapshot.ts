import { constants } from 'node:fs'
import { copyFile, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { ifExists } from '@millrace/std/fs'
import { type Listing, listFolder } from './folder-listing.ts'

/** How many files to copy at the same time. */
const atOnce = 32

/**
 * Copies a module's folder to `target`, so that the agent runs exactly what it tested even if the author edits the
 * folder meanwhile. `false` when the folder changed during the copy.
 */
export async function takeSnapshot(folder: string, listing: Listing, target: string): Promise<boolean> {
  const wanted = listing.entries.map(({ path }) => path)
  // A module may have deleted its own files there during an earlier test.
  if ((await missingFrom(target, wanted)).length === 0) return true
  const beside = `${target}.new`
  await rm(beside, { recursive: true, force: true })
  await mkdir(beside, { recursive: true })
  for (const inside of new Set(wanted.map((path) => dirname(path))))
    await mkdir(join(beside, inside), { recursive: true })
  const copyOne = async (entry: Listing['entries'][number]) => {
    const copy = join(beside, entry.path)
    if (entry.kind === 'file') await copyFile(join(folder, entry.path), copy, constants.COPYFILE_FICLONE)
    else await symlink(targetOf(folder, entry.path, entry.target), copy)
  }
  for (let at = 0; at < listing.entries.length; at += atOnce)
    await Promise.all(listing.entries.slice(at, at + atOnce).map(copyOne))
  const unchanged = (await listFolder(folder)).stamp === listing.stamp
  if (unchanged) {
    await rm(target, { recursive: true, force: true })
    await rename(beside, target)
  } else await rm(beside, { recursive: true, force: true })
  return unchanged
}

/** The paths that a folder lacks; all of them when the folder does not exist. */
export async function missingFrom(folder: string, paths: readonly string[]): Promise<string[]> {
  const there = new Set(await pathsIn(folder))
  return paths.filter((path) => !there.has(path))
}

/** The files below a folder, with `/`; links are not followed. Much faster than a listing. */
async function pathsIn(folder: string): Promise<string[]> {
  const entries = await ifExists(readdir(folder, { recursive: true, withFileTypes: true }))
  return (entries ?? [])
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)).replaceAll(sep, '/'))
}

/** A relative link that leads out of the folder (to weights, say) must point to the same target from the copy. */
function targetOf(folder: string, path: string, target: string): string {
  const meant = resolve(folder, dirname(path), target)
  const way = relative(folder, meant)
  return way.startsWith('..') || isAbsolute(way) ? meant : target
}
