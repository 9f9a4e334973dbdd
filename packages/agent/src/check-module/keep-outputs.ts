import { copyFile, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { Json } from '@millrace/shared/for-agents'
import type { SpooledFile, SpooledOutput } from '../report/spool.ts'

/**
 * Copies the outputs of a run to a folder: files named after their output, and `outputs.json` with all values
 * and the names of the files.
 */
export async function keepOutputs(outputs: Record<string, SpooledOutput>, folder: string): Promise<void> {
  const kept: Record<string, Json> = {}
  for (const [key, output] of Object.entries(outputs)) {
    if ('value' in output) {
      kept[key] = output.value
      continue
    }
    const names = output.files.map((file) => nameOf(file, output.list))
    for (const [at, file] of output.files.entries())
      await copyFile(file.path, join(folder, names[at] ?? file.name))
    kept[key] = output.list ? names : (names[0] ?? null)
  }
  await writeFile(join(folder, 'outputs.json'), `${JSON.stringify(kept, null, 2)}\n`)
}

const nameOf = ({ output, n, name }: SpooledFile, list: boolean): string =>
  `${output}${list ? `-${n}` : ''}${extname(name)}`
