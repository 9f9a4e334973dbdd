import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..', '..')
const read = (path: string) => readFile(join(root, path), 'utf8')

test('every test that docs/security-tests.md names exists', async () => {
  const rows = rowsOf(await read('docs/security-tests.md'))
  expect(rows.length).toBeGreaterThan(150)
  const missing = []
  for (const { row, file, titles } of rows) {
    const source = await read(file).catch(() => '')
    if (!titles.every((title) => hasTitle(source, title))) missing.push(row)
  }
  expect(missing).toEqual([])
})

test('every row of docs/security-tests.md names a test', async () => {
  const page = await read('docs/security-tests.md')
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (claim|---) /.test(line))
  expect(rows.filter((row) => !rowsOf(page).some((known) => known.row === row))).toEqual([])
})

test('every section of docs/security.md has its tests', async () => {
  const headings = (page: string) => [...page.matchAll(/^##+ (.+)$/gm)].map(([, heading]) => heading)
  expect(headings(await read('docs/security-tests.md'))).toEqual(headings(await read('docs/security.md')))
})

function rowsOf(page: string): { row: string; file: string; titles: string[] }[] {
  return [...page.matchAll(/^\| .+ \| `([\w./-]+\.test\.ts)` › (.+) \|$/gm)].map(
    ([row, file = '', titles = '']) => ({
      row,
      file,
      titles: titles.split(' › '),
    }),
  )
}

/** A title is the first argument of a call, before a comma. */
function hasTitle(source: string, title: string): boolean {
  const literal = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll("'", "\\\\?'")
  return new RegExp(`\\(\\s*(['"\`])${literal}\\1\\s*,`).test(source)
}
