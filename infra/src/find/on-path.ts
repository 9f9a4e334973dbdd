import { access, constants, stat } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'

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

/** What the program says about its version, both streams together; `undefined` when it does not answer. */
export async function versionText(file: string, argument = '--version'): Promise<string | undefined> {
  const said = await execa(file, [argument], { reject: false, timeout: 15_000, all: true, stdin: 'ignore' })
  return said.failed ? undefined : said.all
}

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
    return false // not there or not ours to run: look on
  }
}
