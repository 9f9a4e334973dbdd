import { access, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { markUsed, openCheckHome } from './home.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-check-home-'))
})
afterEach(() => rm(home, { recursive: true }))

const open = () => openCheckHome(home, { signal: new AbortController().signal, onWaiting: () => undefined })

async function environment(name: string, daysAgo: number | null): Promise<void> {
  const folder = join(home, 'envs', name)
  await mkdir(folder, { recursive: true })
  if (daysAgo === null) return
  await writeFile(join(folder, '.complete'), '')
  const usedAt = new Date(Date.now() - daysAgo * 24 * 3600 * 1000)
  await utimes(join(folder, '.complete'), usedAt, usedAt)
}

test('keeps used environments, and removes unused and partial ones', async () => {
  await environment('fresh', 29)
  await environment('old', 31)
  await environment('used-again', 31)
  await environment('half.new', null)
  await markUsed(join(home, 'envs', 'used-again'))
  const { release } = await open()
  expect((await readdir(join(home, 'envs'))).sort()).toEqual(['fresh', 'used-again'])
  await release()
})

test("removes the previous check's files, but not what modules and tools keep", async () => {
  const left = ['modules/m-1', 'tests/m-2', 'runs/tsk.1', 'install-logs']
  const kept = ['cache/m', 'tools/uv']
  for (const folder of [...left, ...kept]) await mkdir(join(home, folder), { recursive: true })
  const { release } = await open()
  for (const folder of left) await expect(access(join(home, folder)), folder).rejects.toThrow('ENOENT')
  for (const folder of kept) await access(join(home, folder))
  await release()
})
