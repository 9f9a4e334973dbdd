import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { mutations } from './mutations.ts'

/** Loaded before everything else (`--import`): plants the bug that `MILLRACE_MUTATION` names into the source as it is read. */
const root = resolve(import.meta.dirname, '../..')
const wanted = mutations.find(({ name }) => name === process.env.MILLRACE_MUTATION)
if (!wanted) throw new Error(`unknown mutation "${process.env.MILLRACE_MUTATION}"`)
const patches = Map.groupBy(wanted.patches, ({ file }) => pathToFileURL(resolve(root, file)).href)

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const own = patches.get(url)
    if (!own) return loaded
    const source = own.reduce(
      (text, { find, replace }) => text.replace(find, () => replace),
      String(loaded.source),
    )
    return { ...loaded, source }
  },
})
