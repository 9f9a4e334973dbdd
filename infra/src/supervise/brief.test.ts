import { expect, it } from 'vitest'
import { brief } from './brief.ts'

it.each([
  ['{"level":30,"msg":"started"}', undefined],
  ['{"level":40,"msg":"slow"}', 'slow'],
  ['{"level":"error","message":"lost","err":{"message":"ECONNRESET"}}', 'lost: ECONNRESET'],
  ['{"level":50}', '{"level":50}'],
  ['plain text', undefined],
  ['{half a li', undefined],
])('%s becomes %s', (line, short) => {
  expect(brief(line)).toBe(short)
})
