import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openHome } from './home.ts'
import { HomeInUse } from './home-lock.ts'
import { readIdentity, writeIdentity } from './identity.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'home-'))
})
afterEach(() => rm(folder, { recursive: true }))

const agentId = 'agt_01ARZ3NDEKTSV4RRFFQ69G5FAV' as const

test('only the owner can read the folder, whether new or existing', async () => {
  const modeOf = async (path: string) => (await stat(path)).mode & 0o777
  const before = process.umask(0)
  try {
    for (const there of [false, true]) {
      const path = join(folder, `home-${there}`)
      if (there) await mkdir(path, { mode: 0o755 })
      const home = await openHome(path)
      expect(await modeOf(path)).toBe(0o700)
      await home.release()
    }
  } finally {
    process.umask(before)
  }
})

test('an agent makes its folder private before it writes there', async () => {
  const path = join(folder, 'a', 'home')
  const entry = join(import.meta.dirname, '..', 'main.ts')
  // It exits because of missing settings.
  const agent = spawn(process.execPath, [entry], { env: { AGENT_HOME: path, PATH: process.env.PATH } })
  const seen = new Set<number>()
  const exit = once(agent, 'exit')
  let hasEnded = false
  void exit.then(() => {
    hasEnded = true
  })
  while (!hasEnded) {
    const found = await stat(path).catch(() => null)
    if (found) seen.add(found.mode & 0o777)
    await new Promise((done) => setImmediate(done))
  }
  seen.add((await stat(path)).mode & 0o777)
  expect([...seen]).toEqual([0o700])
})

test('only the owner can read an identity; a damaged one is an error', async () => {
  expect(await readIdentity(folder)).toEqual({})
  await writeIdentity(folder, { agentId })
  expect(await readIdentity(folder)).toEqual({ agentId })
  await writeFile(join(folder, 'agent.json'), '{"agentId":')
  await expect(readIdentity(folder)).rejects.toThrow(/agent\.json is damaged/)
})

test('a live process keeps the lock; a dead one does not', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const stat = await readFile(`/proc/${other.pid}/stat`, 'utf8')
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  await writeFile(join(folder, 'agent.lock'), JSON.stringify({ pid: other.pid, startTime }))
  await expect(openHome(folder)).rejects.toThrow(HomeInUse)
  const exit = once(other, 'exit')
  other.kill('SIGKILL')
  await exit
  const home = await openHome(folder)
  await home.release()
  expect(await readdir(folder)).not.toContain('agent.lock')
})

test('a reused pid does not own the lock, nor does a torn lock file', async () => {
  await writeFile(join(folder, 'agent.lock'), JSON.stringify({ pid: 1, startTime: 'long ago' }))
  await (await openHome(folder)).release()
  await writeFile(join(folder, 'agent.lock'), '{"pi')
  await (await openHome(folder)).release()
})

test('folders of runs without a result are removed, others are kept', async () => {
  const kept = 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV.1' as const
  await mkdir(join(folder, 'runs', kept), { recursive: true })
  await mkdir(join(folder, 'runs', 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV.2', 'out'), { recursive: true })
  const first = await openHome(folder)
  await mkdir(join(folder, 'runs', kept), { recursive: true })
  await first.spool.put({
    v: 1,
    run: kept,
    outcome: 'handed_back',
    outputs: {},
    error: null,
    exitCode: null,
    signal: 'SIGTERM',
    startedAt: null,
    finishedAt: '2026-01-01T00:00:00.000Z',
    usage: null,
    log: null,
    logFile: null,
  })
  await first.release()
  const second = await openHome(folder)
  expect(second.unreported).toMatchObject([{ run: kept }])
  expect(await readdir(join(folder, 'runs'))).toEqual([kept])
  await second.release()
})
