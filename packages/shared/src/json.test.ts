import { expect, it } from 'vitest'
import { depthOver, halfPairFault } from './json.ts'

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

it('handles a million levels', () => {
  const deep: unknown = JSON.parse('['.repeat(1_000_000) + ']'.repeat(1_000_000))
  expect([depthOver(deep, 100), depthOver(deep, 2_000_000)]).toEqual([true, false])
})

it.each([
  ['a\ud83d\ude00', null],
  ['a\ud83d', '/'],
  ['\ude00\ud83d', '/'],
  [[1, ['\udfff']], '/1/0'],
  [{ 'a/b': { '~': 'x\ud800y' } }, '/a~1b/~0'],
  [{ a: { 'k\ud800': 1 } }, '/a/k\ufffd'],
  [{ a: [1, null, true, 'whole'] }, null],
])('half a surrogate pair in %j is at %s', (value, place) => {
  for (const text of [undefined, JSON.stringify(value)]) {
    const fault = halfPairFault(value, text)
    expect(fault?.match(/ at (\S+):/)?.[1] ?? null).toBe(place)
  }
})
