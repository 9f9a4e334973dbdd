import { expect, it } from 'vitest'
import { longestLine, splitLines } from './read-lines.ts'

const split = (...chunks: (string | Buffer)[]) => {
  const lines: string[] = []
  const splitter = splitLines(({ text, dropped }) =>
    lines.push(dropped > 0 ? `${text.length}+${dropped}` : text),
  )
  for (const chunk of chunks) splitter.push(Buffer.from(chunk))
  splitter.end()
  return lines
}

it('handles a long run of carriage returns inside a line', () => {
  expect(split(`a${'\r'.repeat(1_000_000)}b\n`)).toEqual(['a', 'b'])
})

it.each([
  [['a\nb\n'], ['a', 'b']],
  [['a\nb'], ['a', 'b']],
  [
    ['a', 'b\n', 'c'],
    ['ab', 'c'],
  ],
  [['a\r\nb\r\n'], ['a', 'b']],
  [
    ['a\r', '\nb'],
    ['a', 'b'],
  ],
  [['\n\na'], ['', '', 'a']],
  [
    ['\r10%', '\r20%', '\r100%\n'],
    ['10%', '20%', '100%'],
  ],
  [['10%\r20%\rdone\nnext\n'], ['10%', '20%', 'done', 'next']],
  [[''], []],
])('%j → %j', (chunks, lines) => {
  expect(split(...chunks)).toEqual(lines)
})

it('keeps characters whole across chunks', () => {
  const [a, b] = [Buffer.from('€').subarray(0, 1), Buffer.from('€').subarray(1)]
  expect(split(a, b)).toEqual(['€'])
})

it('counts the dropped bytes of a long line', () => {
  expect(split('x'.repeat(longestLine), 'yy', 'z\nnext\n')).toEqual([`${longestLine}+3`, 'next'])
})
