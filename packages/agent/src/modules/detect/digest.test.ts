import { cp, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { digestOf } from './digest.ts'
import { listFolder } from './folder-listing.ts'

let home: string
let folder: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-digest-'))
  folder = join(home, 'one')
  await mkdir(join(folder, 'lib'), { recursive: true })
  await writeFile(join(folder, 'main.py'), 'print(1)\nprint(2)\n')
  await writeFile(join(folder, 'lib', 'data.bin'), Buffer.from([0, 13, 10, 1]))
})
afterEach(() => rm(home, { recursive: true }))

const digest = async (of = folder) => digestOf(of, await listFolder(of))

it.each([
  ['line ends', () => writeFile(join(folder, 'main.py'), 'print(1)\r\nprint(2)\r\n')],
  ['time stamps', () => utimes(join(folder, 'main.py'), 1, 1)],
  [
    'caches',
    async () => {
      await mkdir(join(folder, 'lib', '__pycache__'))
      await writeFile(join(folder, 'lib', '__pycache__', 'x.pyc'), 'x')
      await writeFile(join(folder, 'stray.pyc'), 'x')
      await mkdir(join(folder, '.git'))
      await writeFile(join(folder, '.git', 'HEAD'), 'x')
    },
  ],
])('%s do not count', async (_, change) => {
  const before = await digest()
  await change()
  expect(await digest()).toBe(before)
})

it.each([
  ['text', () => writeFile(join(folder, 'main.py'), 'print(1)\nprint(3)\n')],
  ['a lone carriage return', () => writeFile(join(folder, 'main.py'), 'print(1)\rprint(2)\n')],
  ['line ends in binary files', () => writeFile(join(folder, 'lib', 'data.bin'), Buffer.from([0, 10, 1]))],
  ['names', () => rename(join(folder, 'main.py'), join(folder, 'other.py'))],
  ['places', () => rename(join(folder, 'lib', 'data.bin'), join(folder, 'data.bin'))],
  ['new files', () => writeFile(join(folder, 'new.txt'), '')],
  ['links', () => symlink('main.py', join(folder, 'link'))],
])('%s count', async (_, change) => {
  const before = await digest()
  await change()
  expect(await digest()).not.toBe(before)
})

it('a copy has the same digest', async () => {
  await cp(folder, join(home, 'two'), { recursive: true })
  expect(await digest(join(home, 'two'))).toBe(await digest())
})

it('normalizes CRLF across two reads', async () => {
  const text = 'x'.repeat(256 * 1024 - 1)
  await writeFile(join(folder, 'big.txt'), `${text}\r\nend`)
  const windows = await digest()
  await writeFile(join(folder, 'big.txt'), `${text}\nend`)
  expect(await digest()).toBe(windows)
})
