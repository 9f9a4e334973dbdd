import { expect, it } from 'vitest'
import { pythonRange, pythonSatisfies } from './python-range.ts'

it.each([
  ['>=3.10', '3.11.7', true],
  ['>=3.10', '3.9.18', false],
  ['>=3.10', '3.10.0', true],
  ['>= 3.10', '3.9.18', false],
  ['>=3.10,<3.13', '3.13.0', false],
  ['>=3.10, <3.13', '3.12.1', true],
  ['>=3.10 <3.13', '3.13.1', false],
  ['>=3.10,<3.13,!=3.12.1', '3.12.1', false],
  ['>=3.10,<3.13,!=3.12.1', '3.12.2', true],
  ['!=3.12', '3.12.2', false],
  ['!=3.12.*', '3.11.2', true],
  ['>3.10', '3.10.1', true],
  ['<=3.12', '3.12.0', true],
  ['<=3.12', '3.12.1', false],
  ['~=3.11', '3.14.0', true],
  ['~=3.11', '4.0.0', false],
  ['~=3.11.2', '3.11.9', true],
  ['~=3.11.2', '3.12.0', false],
  ['==3.12.*', '3.12.1', true],
  ['==3.12.*', '3.13.1', false],
  ['==3.12', '3.12.1', true],
  ['==3.12', '3.1.2', false],
  ['==3.12.1', '3.12.1', true],
  ['==3.12.1', '3.12.2', false],
  ['===3.12.1', '3.12.1', true],
  ['3', '3.11.7', true],
  ['3.11', '3.11.7', true],
  ['3.11.7', '3.11.8', false],
  ['*', '3.8.0', true],
])('%s takes %s: %s', (wanted, version, fits) => {
  expect(pythonSatisfies(version, wanted)).toBe(fits)
})

it.each(['three point ten', '^3.10', '>=', '>=3.10 or newer', '~=3', '>=3.*'])(
  '%s is not a range',
  (text) => {
    expect(pythonRange(text)).toBeNull()
  },
)
