import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findTestFile } from './test-file.ts'

let folder: string
beforeAll(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'test-file-')), 'module')
  await mkdir(join(folder, 'Data'), { recursive: true })
  for (const file of ['cat.jpg', 'Data/dog.jpg', '~odd.jpg', 'a\\b.jpg', 'caf\u00e9.jpg', '../outside.jpg'])
    await writeFile(join(folder, file), '1234')
})
afterAll(() => rm(join(folder, '..'), { recursive: true }))

test.each(['cat.jpg', './cat.jpg', 'Data/dog.jpg', 'Data/../cat.jpg', '~odd.jpg', 'a\\b.jpg'])(
  'finds %s in the folder',
  async (named) => {
    expect(await findTestFile(folder, named)).toMatchObject({ size: 4 })
  },
)

test('uses an absolute path that exists', async () => {
  const path = join(folder, 'cat.jpg')
  expect(await findTestFile(folder, path)).toEqual({ path, size: 4 })
})

test.each([
  ['/home/alice/cat.jpg', /absolute path that this machine does not have: .* has it: write "cat\.jpg"/],
  ['/home/alice/cow.jpg', /absolute path .* put the file into .* and write "cow\.jpg"/],
  ['C:\\Users\\alice\\cow.jpg', /absolute path .*write "cow\.jpg"/],
  ['\\\\server\\share\\cow.jpg', /absolute path .*write "cow\.jpg"/],
  ['~/cat.jpg', /~ stands for no folder here: .* write "cat\.jpg"/],
  ['~alice/cat.jpg', /~ stands for no folder/],
  ['file:///home/alice/cat.jpg', /a URL, which the agent does not fetch/],
  ['https://example.org/cow.jpg', /a URL, which the agent does not fetch: put the file .* "cow\.jpg"/],
  ['Data\\dog.jpg', /with backslashes, .*: write "Data\/dog\.jpg"/],
  ['../outside.jpg', /leads out of the module's folder.* put the file into .* write "outside\.jpg"/],
  ['..\\cat.jpg', /leads out of the module's folder.* write "cat\.jpg"/],
  ['Data/../../outside.jpg', /leads out/],
  ['Data', /is a folder/],
  ['.', /is a folder/],
  ['', /is empty/],
  ['Cat.JPG', /is called cat\.jpg, and letter case counts/],
  ['data/Dog.jpg', /is called Data\/dog\.jpg/],
  ['cafe\u0301.jpg', /is called caf\u00e9\.jpg/],
  ['cow.jpg', /^names the file cow\.jpg, which is not in the module's folder$/],
  [`${'x'.repeat(5000)}`, /^names the file x{200}…, which/],
  ['cat.jpg/more', /is not in the module's folder/],
  ['a\0b', /is not in the module's folder/],
])('rejects %j and says what to write', async (named, fault) => {
  const found = await findTestFile(folder, named)
  expect('fault' in found && found.fault).toMatch(fault)
})
