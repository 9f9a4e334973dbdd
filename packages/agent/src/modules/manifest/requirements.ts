import { join } from 'node:path'
import type { Manifest } from '@millrace/shared/for-agents'
import { readText } from '../../text/read-text.ts'
import { type RequirementLines, readRequirementLines } from './requirement-lines.ts'

/** A module's requirements: the file to install from, its text without comments, and all lines including those of included files. */
export type Requirements = RequirementLines & { file: string; text: string }

/** Where a module's requirements may be, locked files first. */
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
    // Comments may have another charset.
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

function withoutComments(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')
    .join('\n')
}
