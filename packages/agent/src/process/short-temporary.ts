import { randomBytes } from 'node:crypto'
import { mkdirSync, symlinkSync, unlinkSync } from 'node:fs'
import { lstat, readdir, readlink, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve, sep } from 'node:path'
import { hasCode } from '@millrace/std/fs'

/** A process's folder for temporary files. */
export type Temporary = { path: string; close(): void }

/** A socket's name has at most 107 bytes, and libraries add up to 60 to the folder's. */
const longest = 40
const prefix = 'mr-'
const isLink = /^mr-[0-9a-f]{12}$/

/**
 * Makes a folder for temporary files inside a run's folder, where they count towards its limits and lie on the agent's disk, and a
 * short name for it in the system's temporary folder: see decision 0034.
 */
export function openTemporary(runDir: string): Temporary {
  const folder = join(runDir, 'tmp')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const base of bases()) {
    const path = join(base, `${prefix}${randomBytes(6).toString('hex')}`)
    if (tryLink(folder, path)) return { path, close: () => tryRemove(path) }
  }
  return { path: folder, close() {} }
}

/** Removes the short names that a killed agent of this home left, and broken ones. */
export async function sweepTemporary(home: string): Promise<void> {
  const inside = resolve(home) + sep
  for (const base of bases()) {
    const names = await readdir(base).catch(() => [])
    for (const path of names.filter((name) => isLink.test(name)).map((name) => join(base, name))) {
      const target = await readlink(path).catch(() => null)
      if (target === null) continue
      const isLeft = target.startsWith(inside) || (await leadsNowhere(path))
      if (isLeft && (await isOurs(path))) tryRemove(path)
    }
  }
}

/** Windows lets few users create links, and has no relevant limit of this kind. */
const bases = (): string[] =>
  process.platform === 'win32'
    ? []
    : [...new Set([tmpdir(), '/tmp'])].filter(({ length }) => length <= longest)

function tryLink(folder: string, path: string): boolean {
  try {
    symlinkSync(folder, path)
    return true
  } catch {
    return false // the folder is not writable, or its disk is full
  }
}

/** The next start of the agent tries again. A module may have put something else in its place, which stays. */
function tryRemove(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // gone, replaced, or in a folder that became read-only
  }
}

/** In the system's temporary folder, users can remove only their own files. */
const isOurs = (path: string): Promise<boolean> =>
  lstat(path).then(
    ({ uid }) => uid === process.getuid?.(),
    () => false,
  )

const leadsNowhere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => false,
    (error: unknown) => hasCode(error, 'ENOENT'),
  )
