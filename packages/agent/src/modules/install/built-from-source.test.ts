import { expect, it } from 'vitest'
import { builtFromSource } from './built-from-source.ts'

it('handles long runs of blanks', () => {
  const blanks = ' '.repeat(250_000)
  expect(builtFromSource({ lines: [`six${blanks}x`, `six${blanks}[x]${blanks}x`] })).toBeNull()
})

it.each([
  '-e .',
  '--editable=./lib',
  '--no-binary :all:',
  '.',
  '..',
  './lib',
  '/srv/lib.tar.gz',
  'git+https://example.org/lib.git@v1',
  'lib @ git+ssh://git@example.org/lib',
  'lib @ https://example.org/lib-1.0.tar.gz',
  'lib[extra] @ file:///srv/lib',
  'https://example.org/lib-1.0.zip#sha256=ab',
  'libs/foo',
  'libs/foo[extra]',
  'libs/foo-1.0.tar.gz',
  'foo-1.0.tar.gz',
  'foo @ libs/foo',
  'foo@libs/foo-1.0.zip ; python_version > "3"',
  'file:///srv/lib',
  'C:\\libs\\foo',
  '--edit ./lib',
  '-e./lib',
  '--no-binary=six',
  '--only-binary :none:',
  '-r https://example.org/requirements.txt',
])('%s', (line) => {
  expect(builtFromSource({ lines: ['six==1.17.0', line] })).toBe(line)
})

it.each([
  'six',
  'torch==2.7.0+cu128; sys_platform == "linux"',
  'lib[extra]>=1,<2',
  '--index-url https://example.org/simple',
  '--extra-index-url=https://example.org/simple',
  '--find-links ./wheels',
  '-r base.txt',
  '--only-binary :all:',
  './wheels/lib-1.0-py3-none-any.whl',
  'lib @ https://example.org/lib-1.0-py3-none-any.whl#sha256=ab',
  '--hash=sha256:ab',
  'wheels/lib-1.0-py3-none-any.whl',
  'lib @ wheels/lib-1.0-py3-none-any.whl ; python_version > "3"',
  './lib-1.0-py3-none-any.whl[extra]',
  'lib-1.0-py3-none-any.whl --hash=sha256:ab',
  '-c https://example.org/constraints.txt',
  '--extra-index-url https://example.org/simple',
  '--expected',
])('%s builds nothing', (line) => {
  expect(builtFromSource({ lines: [line] })).toBeNull()
})
