import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/** The first of these names on PATH. */
export async function programOnPath(...names: string[]): Promise<string | null> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  for (const candidate of names.flatMap((name) => folders.map((folder) => join(folder, name))))
    if (await isProgram(candidate)) return candidate
  return null
}

export const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )

/** Installs a Debian package; the error says what to do when that is impossible. */
export async function aptInstall(name: string, cure: string): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new Error(`${name} is not on PATH, and only root may install it on Linux. ${cure}`)
  process.stderr.write(`${name} is not on PATH; installing it with apt-get (a few minutes, once)\n`)
  try {
    await aptGet('update')
    await aptGet('install', '-y', '--no-install-recommends', name)
  } catch (cause) {
    throw new Error(`${name} is not on PATH, and apt-get could not install it. ${cure}`, { cause })
  }
}

/** When two test files install at the same time, the second waits for dpkg's lock. */
async function aptGet(...command: string[]): Promise<void> {
  await promisify(execFile)('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...command], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: 10 * 60_000,
    maxBuffer: 64 * 1024 * 1024,
  })
}
