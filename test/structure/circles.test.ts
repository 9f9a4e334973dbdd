import { glob } from 'node:fs/promises'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { circleIn } from './circles.ts'
import { importsOf } from './imports.ts'

const root = resolve(import.meta.dirname, '..', '..')

test('no files of the API import each other in a circle', async () => {
  const files = await Array.fromAsync(glob('packages/api/src/**/*.ts', { cwd: root }))
  expect(files.length).toBeGreaterThan(100)
  const imports = (await Promise.all(files.map((file) => importsOf(root, file)))).flat()
  expect(circleIn(imports)).toEqual([])
})

test('a circle is found, wherever it is entered', () => {
  const imports = [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'c' },
    { from: 'c', to: 'd' },
    { from: 'd', to: 'b' },
  ]
  expect(circleIn(imports)).toEqual(['b', 'c', 'd'])
  expect(circleIn(imports.slice(0, 3))).toEqual([])
})
