import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Json, Manifest } from '@millrace/shared/for-agents'
import { hasCode } from '@millrace/std/fs'
import { readManifest } from '../manifest/read-manifest.ts'
import { digestOf } from './digest.ts'
import { type Listing, listFolder } from './folder-listing.ts'

/** A module's folder as it is now. `manifest` is `null` when there is a `fault` that keeps it from being read. */
export type Found = {
  /** Its name under the modules folder. */
  folderName: string
  folder: string
  listing: Listing
  digest: string
  raw: Json | null
  manifest: Manifest | null
  fault: string | null
  warnings: string[]
}

/** `restless` folders are still being copied, or edited. */
export type ScanResult = { found: Found[]; changing: string[] }

/** Digests that hold as long as a folder's stamp does. */
export type KnownDigests = Record<string, { stamp: string; digest: string }>

/** Looks at every folder with a `module.json`; one that cannot be read does not keep others from being found. */
export async function scanFolders(o: {
  modulesDir: string
  quietMs: number
  known: KnownDigests
}): Promise<ScanResult> {
  const scanned: ScanResult = { found: [], changing: [] }
  for (const folderName of await moduleFolders(o.modulesDir)) {
    const folder = await realpath(join(o.modulesDir, folderName))
    try {
      const listing = await listFolder(folder)
      if (isChanging(listing, o.quietMs)) scanned.changing.push(folderName)
      else scanned.found.push(await look(folderName, folder, listing, o.known[folderName]))
    } catch (error) {
      // Mostly somebody is deleting or replacing files right now: the next look tells.
      if (isGone(error)) scanned.changing.push(folderName)
      else scanned.found.push(unreadable(folderName, folder, error))
    }
  }
  return scanned
}

/**
 * A time stamp far in the future says nothing about now: such a folder would never come to rest. Files have finer stamps
 * than the clock.
 */
function isChanging(listing: Listing, quietMs: number): boolean {
  const age = Date.now() - Math.floor(listing.changedAt)
  return age < quietMs && age > -60_000
}

/** Looks at one folder, which must have a `module.json`. */
export async function look(
  folderName: string,
  folder: string,
  listing: Listing,
  known: KnownDigests[string] | undefined,
): Promise<Found> {
  const digest = known?.stamp === listing.stamp ? known.digest : await digestOf(folder, listing)
  return { folderName, folder, listing, digest, ...(await readManifest(folder)) }
}

function unreadable(folderName: string, folder: string, error: unknown): Found {
  return {
    folderName,
    folder,
    listing: { entries: [], changedAt: 0, stamp: '' },
    digest: 'unreadable',
    raw: null,
    manifest: null,
    fault: whyUnreadable(folder, error),
    warnings: [],
  }
}

function whyUnreadable(folder: string, error: unknown): string {
  if (!(error instanceof Error)) return `The folder cannot be read: ${String(error)}`
  const denied = 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM')
  if (!denied || !('path' in error) || typeof error.path !== 'string')
    return `The folder cannot be read: ${error.message}`
  const what = relative(folder, error.path) || 'The folder'
  return `${what} may not be read by the user that the agent runs as: change its permissions`
}

async function moduleFolders(modulesDir: string): Promise<string[]> {
  const names = await readdir(modulesDir).catch((error: unknown) => {
    if (isGone(error)) return []
    throw error
  })
  const candidates = names.filter((name) => !/^[._]|^lost\+found$/.test(name)).sort()
  const kept = await Promise.all(candidates.map((name) => isModule(join(modulesDir, name))))
  return candidates.filter((_, at) => kept[at])
}

async function isModule(folder: string): Promise<boolean> {
  try {
    if (!(await stat(folder)).isDirectory()) return false
    await lstat(join(folder, 'module.json'))
    return true
  } catch (error) {
    // Whether one lies in a folder that may not be read nobody can tell: that is said, not passed over.
    if (hasCode(error, 'EACCES')) return true
    // A plain file, a folder for something else, or a link that leads nowhere.
    return false
  }
}

function isGone(error: unknown): boolean {
  return hasCode(error, 'ENOENT')
}
