import { access, constants, stat } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { packageSettings } from './package-settings.ts'

/** The first executable of this name on PATH. */
export async function onPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : ['']
  for (const folder of (env.PATH ?? env.Path ?? '').split(delimiter)) {
    for (const ending of endings) {
      const file = join(folder, name + ending)
      if (folder && (await isExecutable(file))) return file
    }
  }
}

/** Both output streams of a short command; `undefined` when it fails or takes longer than 15 s. */
export async function outputOf(
  file: string,
  parameters: string[],
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const ran = await execa(file, parameters, { ...quietly(env), timeout: 15_000 })
  return ran.failed ? undefined : ran.all
}

/** Runs the file with that parameter; the reason, when it does not end with 0. */
export async function whyNotRunnable(
  file: string,
  parameter: string,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const ran = await execa(file, [parameter], { ...quietly(env), timeout: 15_000 })
  if (!ran.failed) return
  if (ran.signal === 'SIGILL') return 'this processor lacks an instruction that it needs (AVX)'
  const said = ran.all?.trim().split('\n')[0]
  return (said || ran.shortMessage || 'it failed').slice(0, 200)
}

const quietly = (env: NodeJS.ProcessEnv) =>
  ({ env: packageSettings(env), extendEnv: false, reject: false, all: true, stdin: 'ignore' }) as const

/** Is the first `1.2`-like number in `text` at least `[major, minor]`? */
export function atLeast(text: string | undefined, [major, minor]: readonly [number, number]): boolean {
  const found = /(\d+)(?:\.(\d+))?/.exec(text ?? '')
  if (!found) return false
  const [foundMajor, foundMinor] = [Number(found[1]), Number(found[2] ?? 0)]
  return foundMajor > major || (foundMajor === major && foundMinor >= minor)
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch {
    return false // missing, or another user's
  }
}
