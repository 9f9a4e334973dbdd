import { expect, it } from 'vitest'
import { builtFromSource } from './built-from-source.ts'

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
])('%s', (line) => {
  expect(builtFromSource(`six==1.17.0\n${line}`)).toBe(line)
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
])('%s builds nothing', (line) => {
  expect(builtFromSource(line)).toBeNull()
})
