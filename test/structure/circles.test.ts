import { glob } from 'node:fs/promises'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { circleIn } from './circles.ts'
import { importsOf } from './imports.ts'

const root = resolve(import.meta.dirname, '..', '..')

test('no files import each other in a circle, types included', async () => {
  const folders = '{packages/*/{src,fixtures,simulation},infra,demo,bench,test}'
  const exclude = (name: string) => name === 'node_modules'
  const files = await Array.fromAsync(glob(`${folders}/**/*.ts`, { cwd: root, exclude }))
  expect(files.length).toBeGreaterThan(500)
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
