import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome']
const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * A headless browser of this machine: `CHROMIUM_PATH`, else the first on PATH, else Debian's, installed when that
 * is allowed here. Throws with the cure when there is none. Whoever opens it closes it.
 */
export async function openChromium(): Promise<Browser> {
  const executablePath = (await findChromium()) ?? (await installChromium())
  // In the C locale it would call every download whose name is not ASCII "download".
  const env = { ...process.env, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' }
  return chromium.launch({ executablePath, headless: true, chromiumSandbox: false, args: flags, env })
}

/** A path that is given must be right: to take another browser instead would hide the mistake. */
async function findChromium(): Promise<string | null> {
  const { CHROMIUM_PATH: given, PATH: path = '' } = process.env
  if (given) {
    if (await isProgram(given)) return given
    throw new Error(`CHROMIUM_PATH is ${given}, and there is no program.`)
  }
  const folders = path.split(delimiter).filter(Boolean)
  for (const candidate of names.flatMap((name) => folders.map((folder) => join(folder, name))))
    if (await isProgram(candidate)) return candidate
  return null
}

const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )

async function installChromium(): Promise<string> {
  const cure = 'Install Chromium, e.g. "sudo apt-get install -y chromium", or name one in CHROMIUM_PATH.'
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new Error(`There is no Chromium on PATH, and only root may install one on Linux. ${cure}`)
  process.stderr.write('There is no Chromium on PATH; installing it with apt-get (a few minutes, once)\n')
  try {
    await aptGet('update')
    await aptGet('install', '-y', '--no-install-recommends', 'chromium')
  } catch (cause) {
    throw new Error(`There is no Chromium on PATH, and apt-get could not install it. ${cure}`, { cause })
  }
  const installed = await findChromium()
  if (installed) return installed
  throw new Error(`apt-get installed a Chromium that is not on PATH. ${cure}`)
}

/** Two test files may want it at the same time: the second waits for the lock of the first. */
async function aptGet(...command: string[]): Promise<void> {
  await promisify(execFile)('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...command], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: 10 * 60_000,
    maxBuffer: 64 * 1024 * 1024,
  })
}
