import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { identify, isAlive, type ProcessIdentity } from '@millrace/std/process'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AlreadyRunning } from '../processes/claim.ts'
import { startMongo } from './start-mongo.ts'
import { startNats } from './start-nats.ts'
import { startServers } from './start-servers.ts'

vi.setConfig({ testTimeout: 60_000 })

const ownerProgram = fileURLToPath(new URL('../../fixtures/owner.ts', import.meta.url))
let home: string
let owners: ChildProcess[]

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-life-'))
  owners = []
})
afterEach(async () => {
  for (const owner of owners) owner.kill('SIGKILL')
  await vi.waitUntil(async () => (await recorded(home)).every((one) => !isAlive(one)), { timeout: 20_000 })
  await rm(home, { recursive: true, force: true })
})

describe('servers of one home', () => {
  it('end when their owner is killed hard, and the next owner starts them on the same data and ports', async () => {
    const first = await owner()
    const servers = first.identities
    expect(servers.filter(isAlive)).toHaveLength(3)
    first.process.kill('SIGKILL')
    await vi.waitUntil(() => !servers.some(isAlive), { timeout: 15_000 })

    const second = await startServers({ home })
    try {
      expect(second.servers.map(({ name }) => name).sort()).toEqual(['mongo', 'nats', 'store'])
      expect(await ports()).toEqual(
        await Promise.all(
          Object.values(second.env)
            .filter(isUrl)
            .map((url) => new URL(url).port),
        ),
      )
    } finally {
      await second.stop()
    }
    expect((await recorded(home)).some(isAlive)).toBe(false)
  })

  it('are not started twice: the second start names the process that has them', async () => {
    const first = await owner()
    const failed = await startServers({ home }).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(AlreadyRunning)
    expect(failed).toMatchObject({
      pid: first.process.pid,
      message: expect.stringMatching(/^millrace servers already run here: pid \d+, since 2/),
    })
    expect(first.identities.filter(isAlive)).toHaveLength(3)
  })

  it('that were left without a watchdog are ended by the next start', async () => {
    const first = await owner()
    for (const dog of await watchdogsOf(first.process.pid)) process.kill(dog, 'SIGKILL')
    first.process.kill('SIGKILL')
    await once(first.process, 'exit')
    expect(first.identities.filter(isAlive)).toHaveLength(3)

    const second = await startServers({ home })
    try {
      expect(first.identities.some(isAlive)).toBe(false)
    } finally {
      await second.stop()
    }
  })
})

it('MongoDB listens on 127.0.0.1, wherever the other servers listen', async () => {
  const mongo = await startMongo({ home, host: '127.0.0.2' })
  expect(new URL(mongo.env.MONGODB_URL ?? '').hostname).toBe('127.0.0.1')
  const line = (await readFile(`/proc/${mongo.pid}/cmdline`, 'utf8')).split('\0')
  expect(line[line.indexOf('--bind_ip') + 1]).toBe('127.0.0.1')
  await mongo.stop()
})

describe('a server on its own', () => {
  it('that was killed starts again with the same address and secrets', async () => {
    const first = await startNats({ home })
    process.kill(first.pid ?? Number.NaN, 'SIGKILL')
    await first.ended
    const second = await startNats({ home })
    expect(second.env).toEqual(first.env)
    expect(second.pid).not.toBe(first.pid)
    await second.stop()
  })

  it('listens on the given address', async () => {
    const nats = await startNats({ home, host: '127.0.0.2', env: { ...process.env, NATS_PORT: '23456' } })
    expect(nats.env.NATS_URL).toBe('nats://127.0.0.2:23456')
    await nats.stop()
  })

  it('says which setting changes a port that is taken', async () => {
    const first = await startNats({ home: join(home, 'a') })
    const { port } = new URL(first.env.NATS_URL ?? '')
    const second = startNats({ home: join(home, 'b'), env: { ...process.env, NATS_PORT: port } })
    await expect(second).rejects.toThrow(
      new RegExp(`127.0.0.1:${port} is in use; choose another with NATS_PORT=`),
    )
    await first.stop()
  })
})

it('secrets are in files of their owner alone, and neither in logs nor on command lines', async () => {
  const servers = await startServers({ home })
  try {
    const secrets = Object.entries(servers.env)
      .filter(([name]) => /SECRET|PASSWORD/.test(name))
      .map(([, value]) => value)
    const { root } = JSON.parse(await readFile(join(home, 'versitygw/keys.json'), 'utf8'))
    secrets.push(root.secret)
    expect(new Set(secrets).size).toBe(6)

    const holding: string[] = []
    for (const entry of await readdir(home, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || /(mongo|versitygw|nats)\/data/.test(entry.parentPath)) continue
      const file = join(entry.parentPath, entry.name)
      const text = await readFile(file, 'latin1')
      if (!secrets.some((secret) => text.includes(secret))) continue
      holding.push(file.slice(home.length + 1))
      expect((await stat(file)).mode & 0o777).toBe(0o600)
    }
    expect(holding.sort()).toEqual([
      'nats/credentials.json',
      'nats/nats.conf',
      'versitygw/keys.json',
      'versitygw/users/users.json',
    ])
    for (const folder of ['logs', 'mongo', 'nats', 'run', 'versitygw']) {
      expect((await stat(join(home, folder))).mode & 0o777).toBe(0o700)
    }
    const lines = await commandLines()
    expect(lines.length).toBeGreaterThan(3)
    expect(lines.filter((line) => secrets.some((secret) => line.includes(secret)))).toEqual([])
  } finally {
    await servers.stop()
  }
})

it('passwords, key ids and secrets are those of one home alone', async () => {
  const secrets: string[] = []
  for (const name of ['one', 'other']) {
    const { env, stop } = await startServers({ home: join(home, name) })
    const named = Object.entries(env).filter(([variable]) => /SECRET|PASSWORD|_KEY$/.test(variable))
    secrets.push(...named.map(([, value]) => value))
    await stop()
  }
  expect(secrets).toHaveLength(16)
  expect(new Set(secrets).size).toBe(16)
})

async function owner(): Promise<{ process: ChildProcess; identities: ProcessIdentity[] }> {
  const child = spawn(process.execPath, [ownerProgram, home], { stdio: ['ignore', 'pipe', 'inherit'] })
  owners.push(child)
  for await (const line of createInterface({ input: child.stdout })) {
    const started: { pid: number }[] = JSON.parse(line)
    return {
      process: child,
      identities: started.map(({ pid }) => identify(pid)).filter((one) => one !== undefined),
    }
  }
  throw new Error('the owner ended without a word')
}

async function recorded(folder: string): Promise<ProcessIdentity[]> {
  const run = join(folder, 'run')
  const files = (await readdir(folder)).includes('run')
    ? (await readdir(run)).filter((file) => file.endsWith('.json'))
    : []
  return Promise.all(files.map(async (file) => JSON.parse(await readFile(join(run, file), 'utf8'))))
}

const isUrl = (value: string) => /^\w+:\/\//.test(value)
const ports = () =>
  Promise.all(['mongo', 'nats', 'store'].map((name) => readFile(join(home, 'run', `${name}.port`), 'utf8')))

async function watchdogsOf(parent: number | undefined): Promise<number[]> {
  const found: number[] = []
  for (const pid of await pids()) {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (
      line.includes('watchdog-main') &&
      text.slice(text.lastIndexOf(')') + 2).split(' ')[1] === String(parent)
    )
      found.push(pid)
  }
  return found
}

async function commandLines(): Promise<string[]> {
  return Promise.all((await pids()).map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
}

const pids = async () => (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
