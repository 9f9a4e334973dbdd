import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { Manifest } from '@millrace/shared/for-agents'
import { contentsOf } from './contents.ts'
import type { Interpreter } from './interpreter.ts'
import { readText } from './read-text.ts'
import { type RequirementLines, readRequirementLines } from './requirement-lines.ts'

/** What a module wants installed: the file to install from, its text without comments, and the lines of all that it includes. */
export type Requirements = RequirementLines & { file: string; text: string }

/** Where a module's requirements may stand, the locked ones first. */
export const requirementsFiles = (named: string): string[] => [
  ...new Set([named.replace(/\.[^./\\]*$/, '.lock'), named]),
]

/** Reads a module's requirements; `null` when it needs none. */
export async function readRequirements(
  folder: string,
  manifest: Manifest,
  env: NodeJS.ProcessEnv = {},
): Promise<Requirements | { fault: string } | null> {
  for (const name of requirementsFiles(manifest.requirementsFile)) {
    const file = join(folder, name)
    // Words in a comment do no harm.
    const read = await readText(file, { isLenient: true })
    if (read === null) continue
    if ('fault' in read) return { fault: `${name} ${read.fault}` }
    const text = withoutComments(read.text)
    if (text === '') continue
    const all = await readRequirementLines(file, env)
    return 'fault' in all ? { fault: `${name} ${all.fault}` } : { file, text, ...all }
  }
  return null
}

/**
 * Names an environment by all that decides what is in it, so that equal requirements share one: also the bytes of what
 * they name on the disk, in the module's folder or elsewhere. What is built may read the whole folder, and belongs to this
 * version of the module alone.
 */
export async function environmentDigest(o: {
  requirements: Requirements
  interpreter: Interpreter
  torchBackend: string | null
  allowBuilds: boolean
  moduleDigest: string
  /** The snapshot. */
  folder: string
}): Promise<string> {
  const { text, named, file } = o.requirements
  const beside = [...named, ...configurations.map((name) => join(dirname(file), name))]
  const contents = await contentsOf(beside, o.folder)
  return createHash('sha256')
    .update(
      JSON.stringify([
        o.interpreter.version,
        o.interpreter.path,
        process.platform,
        process.arch,
        o.torchBackend,
        text,
        o.allowBuilds && contents.length > 0 ? o.moduleDigest : null,
        ...(contents.length > 0 ? [contents] : []),
        ...(o.allowBuilds ? ['builds'] : []),
      ]),
    )
    .digest('hex')
}

/** uv reads its settings from here. */
const configurations = ['uv.toml', 'pyproject.toml']

function withoutComments(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')
    .join('\n')
}
