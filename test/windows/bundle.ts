import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { rolldown } from 'rolldown'

const agent = resolve(import.meta.dirname, '../../packages/agent/src')

/**
 * The agent's own sources as plain JavaScript for Node 22, the newest that runs under Wine: it strips no types in
 * packages, and does not know `await using`. Returns the entry.
 */
export async function bundleAgent(folder: string): Promise<string> {
  const bundle = await rolldown({
    input: { main: join(agent, 'main.ts'), 'watchdog-main': join(agent, 'process/stop/watchdog-main.ts') },
    platform: 'node',
    transform: { target: 'node22' },
  })
  await bundle.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs' })
  await bundle.close()
  // The one file that is started by its name.
  for (const name of await readdir(folder)) {
    const file = join(folder, name)
    const text = await readFile(file, 'utf8')
    if (text.includes('./watchdog-main.ts'))
      await writeFile(file, text.replaceAll('./watchdog-main.ts', './watchdog-main.mjs'))
  }
  return join(folder, 'main.mjs')
}
