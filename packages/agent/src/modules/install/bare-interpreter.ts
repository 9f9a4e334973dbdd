import { createHash } from 'node:crypto'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { commandOutput } from './command-output.ts'
import { completeMarker, isComplete, pythonIn } from './environment.ts'
import type { Interpreter } from './interpreter.ts'

/**
 * The interpreter for modules without requirements: the machine's Python without packages that are installed for the
 * whole machine, because their `.pth` files alone can double Python's start time. Such an environment is a link and a
 * line of text, so nothing is installed for it. Under Windows an environment's python.exe starts the real one as its
 * child, which costs more than it saves: modules use the plain interpreter.
 */
export async function bareInterpreter(
  home: string,
  interpreter: Interpreter,
): Promise<{ python: string; envDir: string | null }> {
  const plain = { python: interpreter.path, envDir: null }
  if (process.platform === 'win32') return plain
  const digest = createHash('sha256').update(JSON.stringify(['bare', interpreter.path, interpreter.version]))
  const folder = join(home, 'envs', digest.digest('hex').slice(0, 12))
  if (!(await isComplete(folder)) && !(await make(folder, interpreter))) return plain
  return { python: pythonIn(folder), envDir: folder }
}

/** `false` when this Python cannot run this way. */
async function make(folder: string, interpreter: Interpreter): Promise<boolean> {
  const beside = `${folder}.new`
  await rm(beside, { recursive: true, force: true })
  await mkdir(join(beside, 'bin'), { recursive: true })
  await symlink(interpreter.path, pythonIn(beside))
  const settings = [
    `home = ${dirname(interpreter.path)}`,
    'include-system-site-packages = false',
    `version = ${interpreter.version}`,
  ]
  await writeFile(join(beside, 'pyvenv.cfg'), `${settings.join('\n')}\n`)
  const isThere = ['-c', 'import json, ssl, subprocess']
  if ((await commandOutput(pythonIn(beside), isThere, { env: {}, timeoutMs: 30_000 })) === null) {
    await rm(beside, { recursive: true, force: true })
    return false
  }
  await writeFile(join(beside, completeMarker), `${interpreter.version}\n`)
  await rm(folder, { recursive: true, force: true })
  await rename(beside, folder)
  return true
}
