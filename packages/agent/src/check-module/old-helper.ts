import { join } from 'node:path'
import { compare, valid } from '@renovatebot/pep440'
import { helperFile, helperVersionIn, readHelper } from '../modules/install/helper-source.ts'
import { readText } from '../text/read-text.ts'

/** A warning when the module's own copy of the helper is older than this agent's. */
export async function oldHelperIn(folder: string): Promise<string[]> {
  const copy = await readText(join(folder, helperFile), { isLenient: true })
  if (copy === null || 'fault' in copy) return []
  const version = helperVersionIn(copy.text)
  const { version: newest } = await readHelper()
  if (valid(version ?? '') && compare(version ?? '', newest) >= 0) return []
  return [
    `${helperFile} is ${version === null ? 'from before version numbers' : `version ${version}`}, and ${newest} is the newest: delete it and name millrace-module in the requirements, or copy python/${helperFile} again`,
  ]
}
