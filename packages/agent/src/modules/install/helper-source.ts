import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The helper for modules in Python, in this agent's version. */
export type Helper = {
  version: string
  /** Digest of everything that determines the wheel's bytes. */
  digest: string
}

/** The helper's code, which modules may have a copy of. */
export const helperFile = 'millrace_module.py'

const folder = join(import.meta.dirname, '../../../../../python')
export const wheelBuilder = join(folder, 'build_wheel.py')

export async function readHelper(): Promise<Helper> {
  const program = await readFile(join(folder, helperFile))
  const version = helperVersionIn(program.toString())
  if (version === null) throw new Error(`${join(folder, helperFile)} has no __version__`)
  const hash = createHash('sha256').update(program)
  for (const file of [wheelBuilder, join(folder, 'pyproject.toml')]) hash.update(await readFile(file))
  return { version, digest: hash.digest('hex') }
}

/** `null` for a copy from before the file had a version. */
export const helperVersionIn = (text: string): string | null =>
  /^__version__ = "([^"]+)"/m.exec(text)?.[1] ?? null
