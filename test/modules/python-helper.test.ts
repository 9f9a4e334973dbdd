import { execFile } from 'node:child_process'
import { glob, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const folder = join(root, 'python')

test('the helper for modules in Python passes its own tests', async () => {
  const { stderr } = await promisify(execFile)('python3', ['-m', 'unittest', '-v', 'test_millrace_module'], {
    cwd: folder,
  })
  const [, ran] = stderr.match(/^Ran (\d+) tests/m) ?? []
  expect(Number(ran)).toBeGreaterThanOrEqual(39)
  expect(stderr).toMatch(/^OK$/m)
})

test('every module that imports the helper has the same copy of it', async () => {
  const original = await readFile(join(folder, 'millrace_module.py'), 'utf8')
  const mains = await Array.fromAsync(glob('modules/*/main.py', { cwd: root }))
  const users = []
  for (const main of mains)
    if (/^from millrace_module import/m.test(await readFile(join(root, main), 'utf8'))) users.push(main)
  expect(users.length).toBeGreaterThanOrEqual(7)
  for (const main of users) {
    const copy = await readFile(join(root, main, '../millrace_module.py'), 'utf8')
    expect(copy === original, `${main} has another copy: cp python/millrace_module.py there`).toBe(true)
  }
})
