import { expect, it } from 'vitest'
import { pythonRange, pythonSatisfies } from './python-range.ts'

it.each([
  ['>=3.10', '3.11.7', true],
  ['>=3.10', '3.9.18', false],
  ['>=3.10,<3.13', '3.13.0', false],
  ['>=3.10, <3.13', '3.12.1', true],
  ['~=3.11', '3.14.0', true],
  ['~=3.11.2', '3.12.0', false],
  ['==3.12.*', '3.12.1', true],
  ['==3.12', '3.12.1', true],
  ['3.11', '3.11.7', true],
  ['*', '3.8.0', true],
])('%s takes %s: %s', (wanted, version, fits) => {
  expect(pythonSatisfies(version, wanted)).toBe(fits)
})

it('nonsense is no range', () => {
  expect(pythonRange('three point ten')).toBeNull()
})
