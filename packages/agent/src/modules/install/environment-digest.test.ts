import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Manifest } from '@millrace/shared/for-agents'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readRequirements } from '../manifest/requirements.ts'
import { environmentDigest } from './environment-digest.ts'

let place: string
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'millrace-digest-'))
})
afterEach(() => rm(place, { recursive: true }))

/** The name of the environment for a module with these files; each call is another module. */
async function environmentOf(
  files: Record<string, string>,
  more: { allowBuilds?: boolean; helperDigest?: string } = {},
): Promise<string> {
  const folder = await mkdtemp(join(place, 'module-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  const requirements = await readRequirements(folder, Manifest.parse({ name: 'm', version: '1.0.0' }))
  if (!requirements || 'fault' in requirements) throw new Error(JSON.stringify(requirements))
  return environmentDigest({
    requirements,
    interpreter: { path: '/usr/bin/python3', version: '3.12.1', stamp: 's' },
    torchBackend: null,
    allowBuilds: more.allowBuilds ?? false,
    moduleDigest: JSON.stringify(files),
    helperDigest: more.helperDigest ?? null,
    folder,
  })
}

const wheel = 'wheels/helper-1.0-py3-none-any.whl'

it.each([
  ['-f wheels\nhelper==1.0'],
  ['-fwheels\nhelper==1.0'],
  ['--find-links wheels\nhelper==1.0'],
  ['--find-links=./wheels\nhelper==1.0'],
  [wheel],
  [`./${wheel}`],
  [`helper @ ./${wheel}`],
  [`helper@${wheel}`],
  [`helper @ file:${wheel}`],
  ['-r base.txt'],
  ['-rbase.txt'],
  ['--requirement=base.txt'],
  ['helper==1.0\n-c base.txt'],
])('%j gets an environment for exactly the bytes that it names', async (text) => {
  const files = { 'requirements.txt': text, [wheel]: 'one', 'base.txt': wheel, 'main.py': 'a' }
  const first = await environmentOf(files)
  expect(await environmentOf({ ...files, [wheel]: 'two' }), 'another wheel').not.toBe(first)
  expect(await environmentOf({ ...files, 'main.py': 'b' }), 'an edit of the program').toBe(first)
})

it.each([
  [
    'requirements alone share one',
    { 'requirements.txt': 'six' },
    { 'requirements.txt': 'six', 'main.py': 'a' },
    true,
  ],
  ['a comment is none', { 'requirements.txt': 'six' }, { 'requirements.txt': 'six # yes' }, true],
  [
    'settings of uv count',
    { 'requirements.txt': 'six' },
    { 'requirements.txt': 'six', 'uv.toml': 'offline = true' },
    false,
  ],
  [
    'an included file counts',
    { 'requirements.txt': '-r a', a: 'six' },
    { 'requirements.txt': '-r a', a: 'yaml' },
    false,
  ],
])('%s', async (_, one, other, same) => {
  expect((await environmentOf(one)) === (await environmentOf(other))).toBe(same)
})

it('a build depends on the whole folder', async () => {
  const files = { 'requirements.txt': './pkg', 'pkg/setup.py': 'a', 'pkg/deep/er.py': 'a' }
  const first = await environmentOf(files, { allowBuilds: true })
  expect(await environmentOf({ ...files, 'pkg/deep/er.py': 'b' }, { allowBuilds: true })).not.toBe(first)
})

it('another helper version gets another environment', async () => {
  const files = { 'requirements.txt': 'millrace-module' }
  const first = await environmentOf(files, { helperDigest: 'one' })
  expect(await environmentOf(files, { helperDigest: 'one' })).toBe(first)
  expect(await environmentOf(files, { helperDigest: 'two' })).not.toBe(first)
})
