import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const knip = resolve(root, 'node_modules/knip/bin/knip.js')

test('every file, export and dependency is used, and every dependency is declared', async () => {
  const found = await promisify(execFile)(process.execPath, [knip, '--no-progress', '--no-config-hints'], {
    cwd: root,
  }).catch((error: Error & { stdout?: string }) => ({ stdout: error.stdout || error.message }))
  expect(found.stdout).toBe('')
})
