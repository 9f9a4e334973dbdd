import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { writeModule } from '../../../fixtures/misbehaving/write-module.ts'
import { listFolder } from './folder-listing.ts'
import { scanFolders } from './scan-folders.ts'

let modulesDir: string
beforeEach(async () => {
  modulesDir = await mkdtemp(join(tmpdir(), 'millrace-stock-'))
})
afterEach(() => rm(modulesDir, { recursive: true }))

/** Root may read everything, so the scan has to run as another user. */
async function stockOfNobody() {
  const isRoot = process.geteuid?.() === 0
  await chmod(modulesDir, 0o755)
  if (isRoot) process.seteuid?.(65534)
  try {
    return await scanFolders({ modulesDir, quietMs: 0, known: {} })
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}

it.each([
  ['weights.bin', 'weights.bin may not be read by the user that the agent runs as: change its permissions'],
  ['module.json', 'module.json may not be read by the user that the agent runs as: change its permissions'],
  ['secret', 'secret may not be read by the user that the agent runs as: change its permissions'],
  ['.', 'The folder may not be read by the user that the agent runs as: change its permissions'],
])('reports a file without read permission: %s', async (path, fault) => {
  const closed = join(modulesDir, 'closed')
  await writeModule(closed, { files: { 'weights.bin': 'x', 'secret/key': 'x' } })
  await writeModule(join(modulesDir, 'open'))
  await chmod(join(closed, path), 0o000)
  const { found, changing } = await stockOfNobody()
  await chmod(join(closed, path), 0o755)
  expect(found.map((one) => [one.folderName, one.fault])).toEqual([
    ['closed', fault],
    ['open', null],
  ])
  expect(changing).toEqual([])
})

it('skips folders that are not modules', async () => {
  await mkdir(join(modulesDir, 'notes'))
  await mkdir(join(modulesDir, 'lost+found'), { mode: 0o000 })
  expect(await stockOfNobody()).toEqual({ found: [], changing: [] })
})

it('accepts a folder that changed in this millisecond when the quiet time is 0', async () => {
  await writeModule(join(modulesDir, 'fresh'))
  const { changedAt } = await listFolder(join(modulesDir, 'fresh'))
  vi.useFakeTimers({ toFake: ['Date'], now: Math.floor(changedAt) })
  try {
    expect(await scanFolders({ modulesDir, quietMs: 0, known: {} })).toMatchObject({ changing: [] })
  } finally {
    vi.useRealTimers()
  }
})
