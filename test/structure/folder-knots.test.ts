import { glob } from 'node:fs/promises'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { folderKnots } from './folder-knots.ts'
import { importsOf } from './imports.ts'

const root = resolve(import.meta.dirname, '..', '..')

test.each([
  'packages/api/src/operations',
  'packages/api/src/http',
  'packages/agent/src',
  'packages/agent/src/modules',
  'packages/agent/src/process',
  'packages/client/src',
  'packages/cli/src',
  'packages/shared/src',
])('no folders of %s import each other in a circle', async (folder) => {
  const files = await Array.fromAsync(
    glob(`${folder}/**/*.ts`, { cwd: root, exclude: (name) => name.endsWith('.test.ts') }),
  )
  expect(files.length).toBeGreaterThan(5)
  const imports = (await Promise.all(files.map((file) => importsOf(root, file)))).flat()
  expect(folderKnots(folder, imports)).toEqual([])
})

test('a circle is found with every import in it, and without those that only lead to it', () => {
  const imports = [
    { from: 'p/a/one.ts', to: 'p/b/two.ts' },
    { from: 'p/b/two.ts', to: 'p/c.ts' },
    { from: 'p/c.ts', to: 'p/a/three.ts' },
    { from: 'p/main.ts', to: 'p/a/one.ts' },
    { from: 'p/c.ts', to: 'p/leaf/four.ts' },
    { from: 'p/a/three.ts', to: 'q/b/two.ts' },
  ]
  expect(folderKnots('p', imports)).toEqual([
    ['p/a/one.ts imports p/b/two.ts', 'p/b/two.ts imports p/c.ts', 'p/c.ts imports p/a/three.ts'],
  ])
})
