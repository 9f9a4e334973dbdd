import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { anotherPort } from '../home/port.ts'
import { readSettings } from '../supervise/settings.ts'
import { doctor } from './doctor.ts'

let home: string
let lines: string[]
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-doctor-'))
  lines = []
})
afterEach(() => rm(home, { recursive: true, force: true }))

async function examine(env: NodeJS.ProcessEnv): Promise<number> {
  const PORT = env.PORT ?? String(await anotherPort(home, 'test', '127.0.0.1'))
  // An unreachable index: it must not matter where the servers are at hand.
  const all = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    PIP_INDEX_URL: 'http://127.0.0.1:9/',
    PORT,
    ...env,
  }
  return doctor(readSettings({ MILLRACE_HOME: home, ...all }, home), (line) => lines.push(line))
}

it('reports each finding, and no problem on a sound installation', async () => {
  expect(await examine({})).toBe(0)
  const text = lines.join('\n')
  for (const what of ['Node', 'Python', 'disk of data', 'GPU', 'MongoDB', 'NATS', 'PyPI', 'installation'])
    expect(text).toMatch(new RegExp(`^[✓·] ${what}: `, 'm'))
  expect(lines.at(-1)).toBe('\nNo problem found.')
})

it('compares the clock of this machine with that of the API', async () => {
  let shift = 600_000
  const api = createHttpServer((_, response) => {
    response.sendDate = false
    response.setHeader('date', new Date(Date.now() + shift).toUTCString()).end()
  })
  await new Promise<void>((listening) => api.listen(0, '127.0.0.1', listening))
  const address = api.address()
  const MILLRACE_URL = `http://127.0.0.1:${address && typeof address === 'object' ? address.port : ''}`
  expect(await examine({ MILLRACE_URL })).toBe(1)
  expect(lines.join('\n')).toMatch(
    /✗ clock and the API: this machine is (?:59|60)\d s behind\n {4}let the system set/,
  )
  lines = []
  shift = 0
  expect(await examine({ MILLRACE_URL })).toBe(0)
  expect(lines).toContain('✓ clock and the API: agree')
  api.close()
})

it('names the remedy of each problem', async () => {
  const blocker = createServer()
  await new Promise<void>((listening) => blocker.listen(0, '127.0.0.1', listening))
  const address = blocker.address()
  const port = address && typeof address === 'object' ? String(address.port) : ''
  expect(
    await examine({ PORT: port, MILLRACE_PYTHON: '/nowhere', PATH: '/nowhere', NATS_URL: 'nats://x' }),
  ).toBe(3)
  blocker.close()
  const text = lines.join('\n')
  expect(text).toContain(
    '✗ Python: MILLRACE_PYTHON=/nowhere is not Python 3.10 or newer\n    install Python 3.10',
  )
  expect(text).toMatch(/✗ NATS: NATS_URL set, but not NATS_USER.*\n {4}set all of them, or none/)
  expect(text).toContain(`in use by another program\n    choose another with PORT=`)
  expect(lines.at(-1)).toBe('\n3 to solve.')
})
