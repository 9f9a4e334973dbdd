import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { faultOfInstall } from './explain.ts'
import { installEnv } from './install-env.ts'
import type { Interpreter } from './interpreter.ts'
import type { Requirements } from './requirements.ts'
import type { RunStep } from './run-step.ts'
import { findUv } from './uv.ts'

/** Written last into an environment. */
export const completeMarker = '.complete'

/** The interpreter inside an environment. */
export const pythonIn = (folder: string): string =>
  process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python')

/** Whether an environment was built to its end and is still there. */
export async function isComplete(folder: string): Promise<boolean> {
  try {
    await access(join(folder, completeMarker))
    await access(pythonIn(folder))
    return true
  } catch {
    return false
  }
}

/**
 * Makes the environment in `folder` unless it is there. It is built beside and renamed into place, so that
 * nobody ever sees half of one; an environment is never changed afterwards.
 */
export async function buildEnvironment(o: {
  folder: string
  home: string
  requirements: Requirements
  interpreter: Interpreter
  torchBackend: string | null
  timeoutSeconds: number
  own: NodeJS.ProcessEnv
  run: RunStep
}): Promise<{ fault: string } | null> {
  if (await isComplete(o.folder)) return null
  const beside = `${o.folder}.new`
  await rm(beside, { recursive: true, force: true })
  await mkdir(join(o.home, 'envs'), { recursive: true })
  const uv = await findUv(o)
  for (const [command, ...args] of uv ? withUv(uv, beside, o) : withPip(beside, o)) {
    const end = await o.run({
      command: command ?? o.interpreter.path,
      args,
      cwd: dirname(o.requirements.file), // what the file names beside it is found
      env: installEnv(o.own),
      timeoutSeconds: o.timeoutSeconds,
    })
    if (end.exitCode === 0) continue
    await rm(beside, { recursive: true, force: true })
    return { fault: faultOfInstall(end, o.timeoutSeconds) }
  }
  await writeFile(join(beside, completeMarker), `${o.interpreter.version}\n${o.requirements.text}\n`)
  await rm(o.folder, { recursive: true, force: true })
  await rename(beside, o.folder)
  return null
}

type Wanted = { requirements: Requirements; interpreter: Interpreter; torchBackend: string | null }

/** Wheels only: what would have to be built would run code of others before anybody tested it, and needs compilers. */
function withUv(uv: string, folder: string, o: Wanted): string[][] {
  const torch = o.torchBackend === null ? [] : [`--torch-backend=${o.torchBackend}`]
  return [
    [
      uv,
      'venv',
      '--relocatable',
      '--no-python-downloads',
      '--python',
      o.interpreter.path,
      '--no-progress',
      folder,
    ],
    [
      ...[uv, 'pip', 'install', '--python', pythonIn(folder), '--only-binary', ':all:', '--compile-bytecode'],
      ...['--no-progress', ...torch, '-r', o.requirements.file],
    ],
  ]
}

function withPip(folder: string, o: Wanted): string[][] {
  return [
    [o.interpreter.path, '-m', 'venv', folder],
    [
      ...[pythonIn(folder), '-m', 'pip', 'install', '--disable-pip-version-check', '--only-binary', ':all:'],
      ...['--progress-bar', 'off', '--compile', '-r', o.requirements.file],
    ],
  ]
}
