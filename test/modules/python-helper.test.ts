import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const folder = resolve(import.meta.dirname, '../../python')

test('the helper for modules in Python passes its own tests', async () => {
  const { stderr } = await promisify(execFile)('python3', ['-m', 'unittest', '-v', 'test_millrace_module'], {
    cwd: folder,
  })
  const [, ran] = stderr.match(/^Ran (\d+) tests/m) ?? []
  expect(Number(ran)).toBeGreaterThanOrEqual(39)
  expect(stderr).toMatch(/^OK$/m)
})
