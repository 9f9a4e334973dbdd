import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { indexes } from '@millrace/api'
import { expect, test } from 'vitest'

const page = resolve(import.meta.dirname, '../../docs/operations.md')

/** The table as the page has it. */
const rows = Object.entries(indexes).flatMap(([collection, some]) =>
  some.map(
    ({ key, serves }) =>
      `| \`${collection}\` | \`{${Object.entries(key)
        .map(([field, way]) => `${field}: ${way}`)
        .join(', ')}}\` | ${serves} |`,
  ),
)

test('docs/operations.md lists every index, and no other', async () => {
  const listed = (await readFile(join(page), 'utf8'))
    .split('\n')
    .filter((line) => /^\| `\w+` +\| `\{/.test(line))
  expect(listed).toEqual(rows)
})
