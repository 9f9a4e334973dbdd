import { expect, it } from 'vitest'
import { progressOf } from '../process/output/parse-output.ts'
import { notNumbersFault, parsePythonJson } from './python-json.ts'

it.each([
  ['{"a": 1}', { value: { a: 1 }, notNumbers: [] }],
  ['{"a": [1, NaN], "b": -Infinity}', { value: { a: [1, null], b: null }, notNumbers: ['/a/1', '/b'] }],
  [
    '{"a": "NaN", "b": "\\"Infinity", "c": NaN}',
    { value: { a: 'NaN', b: '"Infinity', c: null }, notNumbers: ['/c'] },
  ],
  [
    '[1e400, {"a": -2E+999}, "1e400", 1e308]',
    { value: [Infinity, { a: -Infinity }, '1e400', 1e308], notNumbers: ['/0', '/1/a'], areTooLarge: true },
  ],
  ['NaN', { value: null, notNumbers: ['/'] }],
  ['{"a": NaN', null],
  ['nonsense', null],
])('%s', (text, expected) => {
  expect(parsePythonJson(text)).toEqual(expected)
})

it('rejects NaN below thousands of levels, without a stack overflow', () => {
  expect(parsePythonJson(`${'['.repeat(20_000)}NaN${']'.repeat(20_000)}`)).toBeNull()
})

it.each([
  ['{"event": "progress", "percent": 40, "message": "half"}', { percent: 40, message: 'half' }],
  ['{"event": "progress", "percent": 140}', { percent: 100 }],
  ['PROGRESS 40', { percent: 40 }],
  ['PROGRESS 12.5% loading', { percent: 12.5, message: 'loading' }],
  ['PROGRESS soon', null],
  ['{"event": "other", "of": "progress"}', null],
])('progress: %s', (text, expected) => {
  expect(progressOf(text)).toEqual(expected)
})

it.each([
  ['{"outputs": {"n": 9223372036854775809}}', '/outputs/n', '9223372036854775809'],
  ['{"outputs": {"list": [{"id": -9007199254740993}]}}', '/outputs/list/0/id', '-9007199254740993'],
])('reports where %s contains an integer that would change', (text, place, changed) => {
  const read = parsePythonJson(text)
  expect(read).toMatchObject({ notNumbers: [place], changed })
  expect(read && notNumbersFault(read)).toContain(`holds ${changed}, an integer beyond 2^53`)
})

it('accepts integers that do not change', () => {
  expect(parsePythonJson('{"n": 9007199254740992, "s": "9007199254740993"}')?.notNumbers).toEqual([])
})
