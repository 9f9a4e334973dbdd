import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Manifest } from '@millrace/shared'
import type { Interpreter } from './interpreter.ts'

/** What a module wants installed: the file to install from, and its text without comments. */
export type Requirements = { file: string; text: string }

/** Reads a module's requirements, the locked ones first; `null` when it needs none. */
export async function readRequirements(folder: string, manifest: Manifest): Promise<Requirements | null> {
  const named = join(folder, manifest.requirementsFile)
  const lock = named.replace(/\.[^./\\]*$/, '.lock')
  for (const file of lock === named ? [named] : [lock, named]) {
    const text = withoutComments(await readIfThere(file))
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
      ]),
    )
    .digest('hex')
}

function withoutComments(text: string): string {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')
    .join('\n')
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
