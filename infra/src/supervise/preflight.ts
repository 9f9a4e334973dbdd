import { mkdir, statfs } from 'node:fs/promises'
import { cacheFolder } from '../find/cache-folder.ts'
import { findPython } from '../find/python.ts'
import type { Report } from '../report/report.ts'
import type { Settings } from './settings.ts'

/** Data of the servers, their logs, and a little room to work. Environments of modules come on top. */
const neededBytes = 300e6

/** A start that cannot succeed; the message says what to do. */
class NotFit extends Error {
  override name = 'NotFit'
}

/** Checks for causes that would fail later with a less helpful message: a full disk, no suitable Python. */
export async function preflight({ home, env }: Settings, report: Report): Promise<void> {
  await expectRoom(home, 'MILLRACE_HOME')
  await expectRoom(cacheFolder(env), 'MILLRACE_CACHE')
  const python = await findPython(env)
  if (env.MILLRACE_PYTHON && python !== env.MILLRACE_PYTHON)
    throw new NotFit(
      `MILLRACE_PYTHON=${env.MILLRACE_PYTHON} is not Python 3.10 or newer: correct or unset it`,
    )
  if (!python)
    report(
      'No Python 3.10 or newer was found, so no module can be installed: install one, or set MILLRACE_PYTHON',
    )
}

async function expectRoom(folder: string, variable: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new NotFit(`${folder} cannot be used (${why}): set ${variable} to a folder of yours`)
  }
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= neededBytes) return
  throw new NotFit(
    `The disk of ${folder} has ${Math.round(free / 1e6)} MB free, and ${neededBytes / 1e6} MB are needed: free some, or set ${variable} to a folder on another disk`,
  )
}
