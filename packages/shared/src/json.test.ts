import { expect, it } from 'vitest'
import { depthOver } from './json.ts'

it.each([
  [1, 0, false],
  [[], 0, false],
  [[1], 0, true],
  [[1], 1, false],
  [{ a: [null] }, 1, true],
  [{ a: [null] }, 2, false],
  [[1, 2, { a: { b: 3 } }], 2, true],
  [[1, 2, { a: { b: 3 } }], 3, false],
])('whether %j is over %i levels deep: %s', (value, limit, expected) => {
  expect(depthOver(value, limit)).toBe(expected)
})

it('finds its way through a million levels', () => {
  const deep: unknown = JSON.parse('['.repeat(1_000_000) + ']'.repeat(1_000_000))
  expect([depthOver(deep, 100), depthOver(deep, 2_000_000)]).toEqual([true, false])
})
