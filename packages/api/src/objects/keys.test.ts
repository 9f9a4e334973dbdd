import { runIdOf } from '@millrace/shared'
import { expect, test } from 'vitest'
import { incomingKey, placeOf, runObjectKey } from './keys.ts'

const item = 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV'
const task = 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV'
const run = runIdOf(task, 12)

test('keys begin with the prefixes of the upload user, and can be parsed', () => {
  expect(incomingKey(item, 3)).toBe(`incoming/${item}/3`)
  expect(placeOf(incomingKey(item, 3))).toEqual({ kind: 'incoming', item, upload: 3 })
  expect(runObjectKey(run, 'thumb', 0)).toBe(`runs/${task}/12/thumb/0`)
  expect(placeOf(runObjectKey(run, 'thumb', 0))).toEqual({ kind: 'run', run, output: 'thumb' })
})

test.each([
  '',
  'incoming',
  `incoming/${item}`,
  `incoming/${item}/`,
  `incoming/${item}/x`,
  `incoming/${item}/1/2`,
  `incoming/${task}/1`,
  `x/incoming/${item}/1`,
  `runs/${task}/1/out`,
  `runs/${task}/0/out/0`,
  `runs/${task}/one/out/0`,
  `runs/${item}/1/out/0`,
  `runs/${task}/1/out/0/more`,
])('%s is not one of ours', (key) => {
  expect(placeOf(key)).toBeNull()
})
