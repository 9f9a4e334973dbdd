import { access, constants, mkdir, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { RunStep } from '../steps/run-step.ts'
import { installEnv } from './install-env.ts'
import type { Interpreter } from './interpreter.ts'

const program = process.platform === 'win32' ? 'uv.exe' : 'uv'

/** The program that the owner named does not exist: using another one silently would hide the mistake. */
export class NoUv extends Error {
  override name = 'NoUv'
  constructor(path: string) {
    super(`MILLRACE_UV=${path} is not a program: correct it, unset it, or set it to "none" to use pip`)
  }
}

/**
 * Finds uv on PATH or in the agent's tools, else installs it there; `null` where it is not available.
 * `MILLRACE_UV` names the program to use; `none` means pip.
 */
export async function findUv(o: {
  home: string
  own: NodeJS.ProcessEnv
  interpreter: Interpreter
  run: RunStep
}): Promise<string | null> {
  if (o.own.MILLRACE_UV === 'none') return null
  const named = o.own.MILLRACE_UV ? [o.own.MILLRACE_UV] : []
  const tools = join(o.home, 'tools')
  const ownCopy = join(tools, 'uv', 'bin', program)
  const folders = (o.own.PATH ?? o.own.Path ?? '').split(delimiter).filter((folder) => folder !== '')
  if (named[0] && !(await isProgram(named[0]))) throw new NoUv(named[0])
  for (const path of [...named, ownCopy, ...folders.map((folder) => join(folder, program))]) {
    if (await isProgram(path)) return path
  }
  const beside = join(tools, `.uv-${process.pid}`)
  await mkdir(tools, { recursive: true })
  const end = await o.run({
    command: o.interpreter.path,
    args: [
      '-m',
      'pip',
      'install',
      '--disable-pip-version-check',
      '--only-binary',
      ':all:',
      '--target',
      beside,
      'uv',
    ],
    cwd: tools,
    env: installEnv(o.own),
    timeoutSeconds: 300,
  })
  if (end.exitCode === 0 && (await isProgram(join(beside, 'bin', program)))) {
    await rm(join(tools, 'uv'), { recursive: true, force: true })
    await rename(beside, join(tools, 'uv'))
    return ownCopy
  }
  await rm(beside, { recursive: true, force: true })
  return null
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
