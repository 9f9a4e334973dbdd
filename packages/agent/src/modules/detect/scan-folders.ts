import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Json, Manifest } from '@millrace/shared/for-agents'
import { hasCode } from '@millrace/std/fs'
import { readManifest } from '../manifest/read-manifest.ts'
import { digestOf } from './digest.ts'
import { type Listing, listFolder } from './folder-listing.ts'

/** The current state of a module's folder. `manifest` is `null` when a `fault` keeps it from being read. */
export type Found = {
  /** The folder's name in the modules folder. */
  folderName: string
  folder: string
  listing: Listing
  digest: string
  raw: Json | null
  manifest: Manifest | null
  fault: string | null
  warnings: string[]
}

/** `changing` folders are still being copied or edited. */
export type ScanResult = { found: Found[]; changing: string[] }

/** Digests that are valid while a folder's stamp is the same. */
export type KnownDigests = Record<string, { stamp: string; digest: string }>

/** Reads every folder with a `module.json`; an unreadable folder does not hide the others. */
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
      // Usually the owner is deleting or replacing files at this moment; the next scan decides.
      if (isGone(error)) scanned.changing.push(folderName)
      else scanned.found.push(unreadable(folderName, folder, error))
    }
  }
  return scanned
}

/**
 * A time stamp far in the future does not show whether the folder is changing, and would never become old enough. Files have
 * finer time stamps than the clock.
 */
function isChanging(listing: Listing, quietMs: number): boolean {
  const age = Date.now() - Math.floor(listing.changedAt)
  return age < quietMs && age > -60_000
}

/** Reads one folder, which must have a `module.json`. */
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
    // The agent cannot see whether an unreadable folder has a module.json, so it reports the folder.
    if (hasCode(error, 'EACCES')) return true
    // A plain file, a folder for something else, or a broken link.
    return false
  }
}

function isGone(error: unknown): boolean {
  return hasCode(error, 'ENOENT')
}
