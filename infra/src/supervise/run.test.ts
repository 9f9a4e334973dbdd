import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isAlive } from '@millrace/std/process'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { anotherPort } from '../home/port.ts'

vi.setConfig({ testTimeout: 60_000 })

const entry = join(import.meta.dirname, '../../fixtures/checkout/start.ts')
const secret = 'a-secret-of-the-given-servers'
const givenServers = {
  MONGODB_URL: `mongodb://user:${secret}@db.example/millrace`,
  NATS_URL: 'nats://nats.example',
  NATS_USER: 'api',
  NATS_PASSWORD: secret,
  NATS_AGENT_USER: 'agent',
  NATS_AGENT_PASSWORD: secret,
  S3_ENDPOINT: 'http://s3.example',
  S3_BUCKET: 'b',
  S3_MANAGE_KEY: 'm',
  S3_MANAGE_SECRET: secret,
  S3_UPLOAD_KEY: 'u',
  S3_UPLOAD_SECRET: secret,
  S3_DOWNLOAD_KEY: 'd',
  S3_DOWNLOAD_SECRET: secret,
}

let home: string
let port: number
let supervisors: Supervisor[]

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-run-'))
  port = await anotherPort(home, 'test', '127.0.0.1')
  supervisors = []
})
afterEach(async () => {
  for (const { child } of supervisors) child.kill('SIGKILL')
  for (const name of ['api', 'agent', 'mongo', 'nats', 'store']) await untilGone(name)
  await rm(home, { recursive: true, force: true })
})

describe('all of it', () => {
  it('starts, passes to the agent only its variables, and ends in order', async () => {
    const all = await start([], {
      ...givenServers,
      SOMEBODY_ELSES: 'x',
      MAX_RUNS: '3',
      UV_INDEX_URL: 'u',
      PIP_INDEX_URL: 'p',
    })
    await all.says(`millrace ready http://127.0.0.1:${port}`)

    const seenByApi = await json('seen-by-api.json')
    expect(seenByApi).toMatchObject({
      ...givenServers,
      PORT: String(port),
      HOST: '127.0.0.1',
      MILLRACE_HOME: home,
      SOMEBODY_ELSES: 'x',
    })
    const seenByAgent = await vi.waitFor(() => json('agent/seen.json'))
    expect(seenByAgent).toMatchObject({
      MILLRACE_URL: `http://127.0.0.1:${port}`,
      MILLRACE_AGENT_KEY: 'mr_agent_of_the_stand_in',
      AGENT_HOME: join(home, 'agent'),
      MODULES_DIR: join(import.meta.dirname, '../../fixtures/checkout/modules'),
      MAX_RUNS: '3',
      UV_INDEX_URL: 'u',
      PIP_INDEX_URL: 'p',
    })
    expect(
      Object.keys(seenByAgent).filter((name) => /ADMIN|SECRET|PASSWORD|MONGODB|NATS|S3_|ELSES/.test(name)),
    ).toEqual([])
    expect(JSON.stringify(seenByAgent)).not.toContain(secret)

    const adminKey = (await read('admin-key')).trim()
    expect(seenByApi.MILLRACE_ADMIN_KEY).toBe(adminKey)
    for (const file of ['admin-key', 'agent-key', 'servers.env', 'logs/api.log']) {
      expect((await stat(join(home, file))).mode & 0o777, file).toBe(0o600)
    }
    expect(await json('key-wanted.json')).toMatchObject({ scopes: ['agent'], modules: ['*'], trusted: true })
    for (const name of ['api', 'agent']) {
      const line = await readFile(`/proc/${await pidOf(name)}/cmdline`, 'utf8')
      expect(line).not.toMatch(new RegExp(`${adminKey}|${secret}|mr_agent`))
    }
    expect(all.lines.join('\n')).toContain(`admin key: ${join(home, 'admin-key')}`)
    expect(all.lines).toContain('api: a warning for everybody')
    expect(all.lines.join('\n')).not.toMatch(new RegExp(`file only|${adminKey}|${secret}|mr_agent`))
    expect(await read('logs/api.log')).toContain('a line for the file only')

    all.child.kill('SIGTERM')
    expect(await all.ended).toBe(0)
    expect(await read('order')).toBe('agent\napi\n')
    expect(await alive()).toEqual([])
    expect(all.lines.at(-1)).toBe('everything has ended')
  })

  it('started while the one before is ending, waits for its end', async () => {
    const first = await start([], { ...givenServers, AGENT_NAME: 'deaf' })
    await first.says(`millrace ready http://127.0.0.1:${port}`)
    await vi.waitFor(() => json('agent/seen.json'))
    first.child.kill('SIGTERM')
    await first.says('stopping')
    const second = await start([], givenServers)
    await second.says(`waiting for the end of what runs here: pid ${first.child.pid} is stopping`)
    await second.says(`millrace ready http://127.0.0.1:${port}`)
    expect(await first.ended).toBe(0)
  })

  it.each([
    ['MILLRACE_PYTHON', '/nowhere/python', /^MILLRACE_PYTHON=\/nowhere\/python is not Python 3\.10 or newer/],
    [
      'MILLRACE_CACHE',
      '/dev/null/cache',
      /^\/dev\/null\/cache cannot be used \(.*\): set MILLRACE_CACHE to a folder/,
    ],
  ])('says what is wrong with %s=%s before anything is started', async (name, value, message) => {
    const all = await start([], { ...givenServers, [name]: value })
    expect(await all.ended).toBe(1)
    expect(all.lines.at(-1)).toMatch(message)
    expect(await alive()).toEqual([])
  })

  it('starts again what dies, and uses the agent key it has', async () => {
    const all = await start([], givenServers)
    await all.says(`millrace ready http://127.0.0.1:${port}`)
    process.kill(await pidOf('agent'), 'SIGKILL')
    await all.says('agent runs again')
    process.kill(await pidOf('api'), 'SIGKILL')
    await all.says('api runs again')
    await vi.waitUntil(async () => (await ready()) === 200, { timeout: 10_000 })
    all.child.kill('SIGINT')
    expect(await all.ended).toBe(0)

    const again = await start([], givenServers)
    await again.says(`millrace ready http://127.0.0.1:${port}`)
    expect(await read('keys-made')).toBe('one\n')
    again.child.kill('SIGINT')
    expect(await again.ended).toBe(0)
  })

  it('is not started twice', async () => {
    const first = await start([], givenServers)
    await first.says(`millrace ready http://127.0.0.1:${port}`)
    const second = await start([], givenServers)
    expect(await second.ended).toBe(3)
    expect(second.lines.at(-1)).toMatch(
      new RegExp(`^millrace api already run here: pid ${first.child.pid}, since 2`),
    )
    expect(await ready()).toBe(200)
  })

  it('ends with a supervisor that is killed hard, deaf agents too', async () => {
    const all = await start([], { ...givenServers, AGENT_NAME: 'deaf' })
    await all.says(`millrace ready http://127.0.0.1:${port}`)
    await vi.waitFor(() => json('agent/seen.json'))
    all.child.kill('SIGKILL')
    for (const name of ['agent', 'api']) await untilGone(name)
    expect(await read('order')).toBe('agent\napi\n')
  })

  it('ends when the shell that npm runs it in died of a signal', async () => {
    const shell = spawn('sh', ['-c', `"${process.execPath}" "${entry}"; true`], {
      env: {
        ...process.env,
        ...givenServers,
        MILLRACE_HOME: home,
        PORT: String(port),
        npm_lifecycle_event: 'start',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines: string[] = []
    createInterface({ input: shell.stdout }).on('line', (line) => lines.push(line))
    await vi.waitUntil(() => lines.includes(`millrace ready http://127.0.0.1:${port}`), { timeout: 20_000 })
    shell.kill('SIGTERM')
    await vi.waitUntil(() => lines.includes('stopping'), { timeout: 5_000 })
    await untilGone('api')
    await untilGone('agent')
  })

  it('hurries at the second signal', async () => {
    const all = await start([], { ...givenServers, AGENT_NAME: 'deaf' })
    await all.says(`millrace ready http://127.0.0.1:${port}`)
    await vi.waitFor(() => json('agent/seen.json'))
    const began = Date.now()
    all.child.kill('SIGINT')
    await vi.waitUntil(async () => (await read('order')).includes('agent'))
    all.child.kill('SIGINT')
    expect(await all.ended).toBe(0)
    expect(Date.now() - began).toBeLessThan(6000)
    expect(await alive()).toEqual([])
  })

  it('says which port is taken and what to set, before anything is started', async () => {
    const blocker = createServer().listen(port, '127.0.0.1')
    await once(blocker, 'listening')
    const all = await start([], givenServers)
    expect(await all.ended).toBe(1)
    expect(all.lines.at(-1)).toBe(`port ${port} on 127.0.0.1 is in use; choose another with PORT=`)
    expect(await alive()).toEqual([])
    blocker.close()
  })

  it('says so when the port is taken by another Millrace', async () => {
    const other = createHttpServer((_, response) => response.end('{"info":{"title":"Millrace"}}'))
    other.listen(port, '127.0.0.1')
    await once(other, 'listening')
    const all = await start([], givenServers)
    expect(await all.ended).toBe(1)
    expect(all.lines.at(-1)).toBe(
      `port ${port} on 127.0.0.1 is in use by another Millrace; choose another with PORT=`,
    )
    other.closeAllConnections()
    other.close()
  })
})

describe('parts', () => {
  it('servers run alone, are restarted in place, and write their addresses into a file for the API', async () => {
    const servers = await start(['servers'], {})
    await servers.says(`millrace servers ready ${join(home, 'servers.env')}`)
    const file = await read('servers.env')
    expect((await stat(join(home, 'servers.env'))).mode & 0o777).toBe(0o600)
    expect(file.match(/^\w+(?==.+$)/gm)).toEqual(Object.keys(givenServers))

    process.kill(await pidOf('mongo'), 'SIGKILL')
    await servers.says('mongo runs again')

    const api = await start(['api'], {})
    await api.says(`millrace ready http://127.0.0.1:${port}`)
    const mongoUrl = /^MONGODB_URL=(.*)$/m.exec(file)?.[1]
    expect(await json('seen-by-api.json')).toMatchObject({ MONGODB_URL: mongoUrl })

    const agent = await start(['agent'], {})
    await agent.says(`millrace agent started for http://127.0.0.1:${port}`)
    for (const { child, ended } of [agent, api, servers]) {
      child.kill('SIGTERM')
      expect(await ended).toBe(0)
    }
    expect(await alive()).toEqual([])
  })

  it('an agent alone says what it needs', async () => {
    const agent = await start(['agent'], {})
    expect(await agent.ended).toBe(1)
    expect(agent.lines.at(-1)).toContain('set MILLRACE_URL and MILLRACE_AGENT_KEY')
  })

  it('anything else is refused', async () => {
    const wrong = await start(['everything'], {})
    expect(await wrong.ended).toBe(2)
    expect(wrong.lines).toEqual(['usage: start.ts [servers | api | agent | doctor | compose-env]'])
  })
})

type Supervisor = {
  child: ChildProcess
  lines: string[]
  ended: Promise<number | null>
  says(line: string): Promise<void>
}

async function start(parameters: string[], env: Record<string, string>): Promise<Supervisor> {
  const { PATH, HOME, MILLRACE_CACHE } = process.env
  const child = spawn(process.execPath, [entry, ...parameters], {
    env: { PATH, HOME, MILLRACE_CACHE, MILLRACE_HOME: home, PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => lines.push(line))
  const ended = once(child, 'close').then(([code]) => code)
  const says = async (line: string) => {
    const heard = () => {
      if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}:\n${lines.join('\n')}`)
      return lines.includes(line)
    }
    await vi.waitUntil(heard, { timeout: 30_000, interval: 20 })
  }
  const supervisor = { child, lines, ended, says }
  supervisors.push(supervisor)
  return supervisor
}

const read = (file: string) => readFile(join(home, file), 'utf8').catch(() => '')
const json = async (file: string): Promise<Record<string, string>> =>
  JSON.parse(await readFile(join(home, file), 'utf8'))
const ready = () =>
  fetch(`http://127.0.0.1:${port}/readyz`).then(
    (answer) => answer.status,
    () => 0,
  )
const pidOf = async (name: string): Promise<number> => Number((await json(`run/${name}.json`)).pid)

async function alive(): Promise<string[]> {
  const names = ['agent', 'api', 'mongo', 'nats', 'store']
  const there = await Promise.all(names.map(isThere))
  return names.filter((_, index) => there[index])
}

async function isThere(name: string): Promise<boolean> {
  const record = await read(`run/${name}.json`)
  return record !== '' && isAlive(JSON.parse(record))
}

const untilGone = (name: string) =>
  vi.waitUntil(async () => !(await isThere(name)), { timeout: 30_000, interval: 50 })
