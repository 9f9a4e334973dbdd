import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Requirements } from '../manifest/requirements.ts'
import { faultOfInstall } from '../steps/diagnose.ts'
import type { RunStep } from '../steps/run-step.ts'
import { helperOptions, NoHelper } from './helper-options.ts'
import type { Helper } from './helper-source.ts'
import { installEnv } from './install-env.ts'
import type { Interpreter } from './interpreter.ts'
import { hasLock, writeLock } from './lock.ts'
import { findUv, NoUv } from './uv.ts'

const wheelsOnlyPip = join(import.meta.dirname, 'wheels_only_pip.py')

/** The last file written into an environment. */
export const completeMarker = '.complete'

/** The interpreter inside an environment. */
export const pythonIn = (folder: string): string =>
  process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python')

/** Where uv keeps fetched packages, unless the owner sets another folder. */
export const uvCache = (home: string): string => join(home, 'uv-cache')

/** Whether an environment was built completely and still exists. */
export async function isComplete(folder: string): Promise<boolean> {
  try {
    await access(join(folder, completeMarker))
    await access(pythonIn(folder))
    return true
  } catch {
    return false
  }
}

type Build = {
  folder: string
  home: string
  requirements: Requirements
  interpreter: Interpreter
  torchBackend: string | null
  /** Set where the requirements name it. */
  helper: Helper | null
  /** Packages may be built from source. */
  allowBuilds: boolean
  timeoutSeconds: number
  own: NodeJS.ProcessEnv
  run: RunStep
}

/**
 * Builds the environment in `folder` unless it exists; a lost environment gets the same versions again. The build happens
 * in another folder and is renamed into place, so that no process sees half an environment. An environment never changes
 * afterwards.
 */
export async function buildEnvironment(o: Build): Promise<{ fault: string } | null> {
  if (await isComplete(o.folder)) return null
  const beside = `${o.folder}.new`
  const { text, lines } = o.requirements
  const lock = join(o.home, 'locks', `${basename(o.folder)}.txt`)
  await mkdir(join(o.home, 'envs'), { recursive: true })
  const isLocked = (await hasLock(lock)) && (await install({ ...o, lock }, beside)) === null
  if (!isLocked) {
    // The first build, or the locked packages are no longer available.
    const failure = await install({ ...o, lock: null }, beside)
    if (failure) return failure
    const env = installEnv(o.own)
    await writeLock({ python: pythonIn(beside), env, requirements: lines, file: lock, run: o.run })
  }
  await writeFile(join(beside, completeMarker), `${o.interpreter.version}\n${text}\n`)
  await rm(o.folder, { recursive: true, force: true })
  await rename(beside, o.folder)
  return null
}

type Locked = Build & { lock: string | null }

async function install(o: Locked, beside: string): Promise<{ fault: string } | null> {
  await rm(beside, { recursive: true, force: true })
  const commands = await installCommands(o, beside).catch((error: unknown) => {
    if (error instanceof NoUv || error instanceof NoHelper) return error
    throw error
  })
  if (commands instanceof Error) return { fault: commands.message }
  for (const [command, ...args] of commands) {
    const end = await o.run({
      command: command ?? o.interpreter.path,
      args,
      cwd: dirname(o.requirements.file), // for relative paths in the file
      env: { ...uvFolders(o), ...installEnv(o.own) },
      timeoutSeconds: o.timeoutSeconds,
    })
    if (end.exitCode === 0) continue
    await rm(beside, { recursive: true, force: true })
    return { fault: faultOfInstall(end, o.timeoutSeconds) }
  }
  return null
}

/** Throws `NoUv` and `NoHelper`. */
async function installCommands(o: Locked, folder: string): Promise<string[][]> {
  const uv = await findUv(o)
  const { helper } = o
  const ofHelper = helper ? await helperOptions({ ...o, helper, installer: uv === null ? 'pip' : 'uv' }) : []
  const from = [...ofHelper, ...whatFrom(o)]
  return uv === null ? withPip(folder, { ...o, from }) : withUv(uv, folder, { ...o, from })
}

/**
 * Wheels only, unless the manifest allows builds: a build runs untested code of third parties and needs
 * compilers. A lock is complete: the installer looks up no further packages.
 */
const whatFrom = ({ lock, requirements }: Locked): string[] =>
  lock === null ? ['-r', requirements.file] : ['--no-deps', '-r', lock]

/**
 * The agent has a separate cache and copies its files: with links, what a module writes into its environment would reach
 * every other environment of this machine. The owner's settings take precedence.
 */
const uvFolders = ({ home }: Build) => ({ UV_CACHE_DIR: uvCache(home), UV_LINK_MODE: 'copy' })

function withUv(uv: string, folder: string, o: Build & { from: string[] }): string[][] {
  const { path } = o.interpreter
  const torch = o.torchBackend === null ? [] : [`--torch-backend=${o.torchBackend}`]
  return [
    [uv, 'venv', '--relocatable', '--no-python-downloads', '--python', path, '--no-progress', folder],
    [
      ...[uv, 'pip', 'install', '--python', pythonIn(folder), '--compile-bytecode', '--no-progress'],
      // Unlike --only-binary, this applies whatever a uv.toml in the folder says.
      ...[...(o.allowBuilds ? [] : ['--no-build']), ...torch, ...o.from],
    ],
  ]
}

function withPip(folder: string, o: Build & { from: string[] }): string[][] {
  return [
    [o.interpreter.path, '-m', 'venv', folder],
    [
      ...(o.allowBuilds ? [pythonIn(folder), '-m', 'pip'] : [pythonIn(folder), wheelsOnlyPip]),
      ...['install', '--no-input', '--disable-pip-version-check', '--progress-bar', 'off', '--compile'],
      ...[...(o.allowBuilds ? [] : ['--only-binary', ':all:']), ...o.from],
    ],
  ]
}
