import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { builtFromSource } from '../install/built-from-source.ts'
import { readRequirementLines } from './requirement-lines.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-requirements-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function read(files: Record<string, string>, env: NodeJS.ProcessEnv = {}) {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  const all = await readRequirementLines(join(folder, 'requirements.txt'), env)
  if ('fault' in all) throw new Error(all.fault)
  return { ...all, named: [...new Set(all.named.map((path) => relative(folder, path)))] }
}

it.each<[string, string[]]>([
  ['six\ntorch==2.7.0; python_version < "3.12"\n--index-url https://example.org/simple', []],
  ['-f wheels', ['wheels']],
  ['-fwheels', ['wheels']],
  ['--find-links=wheels', ['wheels']],
  ['--find-links  ./wheels', ['wheels']],
  ['-f https://example.org/wheels', []],
  ['wheels/helper-1.0-py3-none-any.whl', ['wheels/helper-1.0-py3-none-any.whl']],
  ['helper-1.0-py3-none-any.whl', ['helper-1.0-py3-none-any.whl']],
  ['./wheels/a.whl ; sys_platform == "linux"', ['wheels/a.whl']],
  ['./wheels/a.whl[extra] --hash=sha256:ab', ['wheels/a.whl']],
  ['helper @ ./wheels/a.whl', ['wheels/a.whl']],
  ['helper[extra]@wheels/a.whl#sha256=ab', ['wheels/a.whl']],
  ['helper @ file:wheels/a.whl', ['wheels/a.whl']],
  ['helper @ https://example.org/a.whl', []],
  ['helper @ \\\n  ./wheels/a.whl', ['wheels/a.whl']],
  [`$\{WHEELS}/a.whl`, ['given/a.whl']],
  ['libs/foo', ['libs/foo']],
  ['-e ./pkg', ['pkg']],
])('%j names %j', async (text, named) => {
  expect((await read({ 'requirements.txt': text }, { WHEELS: 'given' })).named).toEqual(named)
})

it('names a wheel given by URL', async () => {
  const { named } = await read({ 'requirements.txt': `helper @ file://${folder}/wheels/a.whl` })
  expect(named).toEqual(['wheels/a.whl'])
})

it('reads each included file once, and names it', async () => {
  const { lines, named } = await read({
    'requirements.txt': '# ours\n-r base/all.txt\n-c limits.txt\nsix  # of old\n',
    'base/all.txt': '-r ../requirements.txt\n-rmore.txt\n--requirement=more.txt\n',
    'base/more.txt': 'requests\nwheels/a.whl',
    'limits.txt': 'six<2',
  })
  for (const line of ['six', 'six<2', 'requests']) expect(lines).toContain(line)
  expect(named.sort()).toEqual(
    ['base/all.txt', 'base/more.txt', 'base/wheels/a.whl', 'limits.txt', 'wheels/a.whl'].sort(),
  )
})

it('reports an included file that is missing or not a file', async () => {
  await expect(read({ 'requirements.txt': '-r base.txt' })).rejects.toThrow(
    'includes base.txt, which does not exist',
  )
  await mkdir(join(folder, 'base.txt'))
  await expect(read({ 'requirements.txt': '-r base.txt' })).rejects.toThrow(
    'base.txt is a folder, not a file',
  )
})

describe('finds a build', () => {
  it.each([
    ['in an included file', { 'requirements.txt': '-r base.txt', 'base.txt': '-e ./pkg' }],
    [
      'in a file that an included file includes',
      { 'requirements.txt': '-r b.txt', 'b.txt': '-cc.txt', 'c.txt': '--editable=pkg' },
    ],
    ['after a continued comment', { 'requirements.txt': '# six \\\n-e ./pkg' }],
    ['after an unusual line end', { 'requirements.txt': 'six\u2028-e ./pkg' }],
    ['after a variable', { 'requirements.txt': `$\{WHAT} ./pkg` }],
    ['as options of an included file', { 'requirements.txt': '-r base.txt', 'base.txt': '--no-binary six' }],
  ])('%s', async (_, files) => {
    expect(builtFromSource(await read(files, { WHAT: '-e' }))).not.toBeNull()
  })
})
