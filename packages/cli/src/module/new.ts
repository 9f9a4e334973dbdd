import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ModuleName } from '@millrace/shared'
import { UsageFault } from '../exit-codes.ts'
import { shortPath } from './words.ts'

const template = join(import.meta.dirname, '../../template')
const helper = join(import.meta.dirname, '../../../../python/millrace_module.py')

export type NewFlags = {
  dir: string
  /** Copies the helper into the module, so that its installation needs no package. */
  vendor: boolean
}

/** Makes a small module in a folder of this name that passes a check as it is. Throws `UsageFault`. */
export async function newModule(name: string, { dir, vendor }: NewFlags): Promise<void> {
  const parsed = ModuleName.safeParse(name)
  if (!parsed.success) throw new UsageFault(faultOfName(name, parsed.error.issues[0]?.message ?? ''))
  const folder = join(dir, name)
  await makeFolder(dir, folder)
  const manifest = await readFile(join(template, 'module.json'), 'utf8')
  for (const file of ['main.py', 'test_data.json', ...(vendor ? [] : ['requirements.txt'])])
    await writeFile(join(folder, file), await readFile(join(template, file), 'utf8'))
  if (vendor) await copyFile(helper, join(folder, 'millrace_module.py'))
  // Last: a folder with a manifest is a module.
  await writeFile(join(folder, 'module.json'), manifest.replace('"name": "new-module"', `"name": "${name}"`))
  const shown = shortPath(folder)
  console.log(`${shown} is a module now:

  module.json         its inputs and outputs
  main.py             the work, a function
  test_data.json      a small input, and what must come of it
${vendor ? vendored : named}

Check it after each change:

  npx millrace module check ${shown}`)
}

const named = `  requirements.txt    the packages that it needs; millrace-module makes the function a module`
const vendored = `  millrace_module.py  makes the function a module; leave it as it is

Packages that it needs go into a requirements.txt next to them.`

function faultOfName(name: string, rule: string): string {
  const near = name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z0-9]+|-+$/g, '')
    .slice(0, 63)
  const hint = near !== name && ModuleName.safeParse(near).success ? ` Perhaps ${near}?` : ''
  return `"${name}" cannot be the name of a module: ${rule}.${hint}`
}

async function makeFolder(dir: string, folder: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true })
    await mkdir(folder)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code === 'EEXIST') throw new UsageFault(`${shortPath(folder)} exists already: choose another name`)
    throw new UsageFault(
      `${shortPath(folder)} cannot be made: ${error instanceof Error ? error.message : error}`,
    )
  }
}
