import { access, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { CatalogueState } from './catalogue-state.ts'
import { pruneUnused } from './prune-environments.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-sweep-'))
  for (const name of ['used', 'unused', 'half.new'])
    await mkdir(join(home, 'envs', name), { recursive: true })
  await mkdir(join(home, 'modules', 'm-aaaaaaaaaaaa'), { recursive: true })
  await mkdir(join(home, 'modules', 'm-bbbbbbbbbbbb'), { recursive: true })
})
afterEach(() => rm(home, { recursive: true }))

const outcome = () => ({
  digest: 'a'.repeat(64),
  status: 'AVAILABLE' as const,
  error: null,
  python: null,
  interpreter: null,
  envDir: join(home, 'envs', 'used'),
  healthCheck: null,
  installSeconds: null,
  variables: null,
  driver: null,
})
const memory = (): CatalogueState => ({
  v: 2,
  folders: {
    m: { outcome: outcome(), good: [{ name: 'm', digest: 'a'.repeat(64), raw: {}, outcome: outcome() }] },
  },
  disabled: [],
  digests: {},
})
const week = { unusedDays: 7, minFreeBytes: 0 }
const envs = async () => (await readdir(join(home, 'envs'))).sort()

it('keeps an unused environment for some days, and removes partial ones', async () => {
  await pruneUnused(home, memory(), week)
  expect(await envs()).toEqual(['unused', 'used'])
  expect(await readdir(join(home, 'modules'))).toEqual(['m-aaaaaaaaaaaa'])
  const eightDaysAgo = new Date(Date.now() - 8 * 24 * 3600 * 1000)
  await utimes(join(home, 'envs', 'unused', '.unused'), eightDaysAgo, eightDaysAgo)
  await pruneUnused(home, memory(), week)
  expect(await envs()).toEqual(['used'])
})

it('restarts the count after another use', async () => {
  await writeFile(join(home, 'envs', 'used', '.unused'), '')
  await pruneUnused(home, memory(), week)
  await expect(access(join(home, 'envs', 'used', '.unused'))).rejects.toThrow('ENOENT')
})

it('prunes all unused environments when the disk is nearly full', async () => {
  await pruneUnused(home, memory(), { unusedDays: 7, minFreeBytes: Number.MAX_SAFE_INTEGER })
  expect(await envs()).toEqual(['used'])
})
