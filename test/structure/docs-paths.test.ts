import { access, glob, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { namedPaths } from './named-paths.ts'

const root = resolve(import.meta.dirname, '..', '..')

/** Made by those who follow the page. */
const made = /^(?:modules\/(?:word-count|thumbnail)\/|infra\/compose\.env$)/

test('every file and folder that a document names exists', async () => {
  const documents = await Array.fromAsync(glob('{*.md,docs/**/*.md,packages/*/README.md}', { cwd: root }))
  expect(documents.length).toBeGreaterThan(40)
  const missing: string[] = []
  for (const document of documents.filter((name) => name !== 'CHANGELOG.md'))
    for (const path of await namedPaths(join(root, document)))
      if (!made.test(path) && !(await exists(join(root, path)))) missing.push(`${document}: ${path}`)
  expect(missing).toEqual([])
})

test.each(['packages/agent/src', 'packages/api/src', 'packages/api/src/operations'])(
  'the code map of docs/architecture.md has every folder of %s',
  async (folder) => {
    const named = await namedPaths(join(root, 'docs/architecture.md'))
    const entries = await readdir(join(root, folder), { withFileTypes: true })
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${folder}/${name}`)
    expect(folders.length).toBeGreaterThan(10)
    expect(folders.filter((one) => !named.some((path) => path.startsWith(`${one}/`)))).toEqual([])
  },
)

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
