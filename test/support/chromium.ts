import { type Browser, chromium } from 'playwright-core'
import { aptInstall, isProgram, programOnPath } from './apt-get.ts'

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
 * is allowed here. Throws with the remedy without one. The caller closes it.
 */
export async function openChromium(): Promise<Browser> {
  const executablePath = (await findChromium()) ?? (await installChromium())
  // In the C locale it would call every download whose name is not ASCII "download".
  const env = { ...process.env, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' }
  return chromium.launch({ executablePath, headless: true, chromiumSandbox: false, args: flags, env })
}

/** A path that is given must be right: to take another browser instead would hide the mistake. */
async function findChromium(): Promise<string | null> {
  const { CHROMIUM_PATH: given } = process.env
  if (!given) return programOnPath('chromium', 'chromium-browser', 'google-chrome')
  if (await isProgram(given)) return given
  throw new Error(`CHROMIUM_PATH is ${given}, which is not a program.`)
}

async function installChromium(): Promise<string> {
  const cure = 'Install Chromium, e.g. "sudo apt-get install -y chromium", or name one in CHROMIUM_PATH.'
  await aptInstall('chromium', cure)
  const installed = await findChromium()
  if (installed) return installed
  throw new Error(`apt-get installed a Chromium that is not on PATH. ${cure}`)
}
