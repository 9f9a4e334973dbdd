import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Manifest } from '@millrace/shared/for-agents'
import type { Interpreter } from './interpreter.ts'
import { readText } from './read-text.ts'

/** What a module wants installed: the file to install from, and its text without comments. */
export type Requirements = { file: string; text: string }

/** Where a module's requirements may stand, the locked ones first. */
export const requirementsFiles = (named: string): string[] => [
  ...new Set([named.replace(/\.[^./\\]*$/, '.lock'), named]),
]

/** Reads a module's requirements; `null` when it needs none. */
export async function readRequirements(
  folder: string,
  manifest: Manifest,
): Promise<Requirements | { fault: string } | null> {
  for (const name of requirementsFiles(manifest.requirementsFile)) {
    const file = join(folder, name)
    // Words in a comment do no harm.
    const read = await readText(file, { isLenient: true })
    if (read === null) continue
    if ('fault' in read) return { fault: `${name} ${read.fault}` }
    const text = withoutComments(read.text)
    if (text !== '') return { file, text }
  }
  return null
}

/**
 * Names an environment by all that decides what is in it, so that equal requirements share one. A file that
 * refers to others, or to the folder, belongs to this version of the module alone.
 */
export function environmentDigest(o: {
  requirements: Requirements
  interpreter: Interpreter
  torchBackend: string | null
  allowBuilds: boolean
  moduleDigest: string
}): string {
  const refersToFiles =
    /^(?:-[rce]|--(?:requirement|constraint|editable|find-links)\b|\.|[^#]*@\s*file:)/m.test(
      o.requirements.text,
    )
  return createHash('sha256')
    .update(
      JSON.stringify([
        o.interpreter.version,
        o.interpreter.path,
        process.platform,
        process.arch,
        o.torchBackend,
        o.requirements.text,
        refersToFiles ? o.moduleDigest : null,
        ...(o.allowBuilds ? ['builds'] : []),
      ]),
    )
    .digest('hex')
}

function withoutComments(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')
    .join('\n')
}
