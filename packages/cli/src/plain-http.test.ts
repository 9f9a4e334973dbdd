import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startMillrace } from '../fixtures/millrace.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plain-http-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const agentEntry = resolve(import.meta.dirname, '../../agent/src/main.ts')
const clientEntry = resolve(import.meta.dirname, '../../client/src/index.ts')
const key = 'mlr_secret'

/** What a program prints until it has printed this. */
async function printedUntil(entry: string[], env: Record<string, string>, last: RegExp): Promise<string[]> {
  const child = spawn(process.execPath, entry, { cwd: folder, env: { PATH: process.env.PATH, ...env } })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (last.test(line)) child.kill('SIGKILL')
    })
  await new Promise((done) => child.once('close', done))
  return lines
}

describe('a key over plain HTTP to another machine causes one warning', () => {
  test.each([
    ['http://192.0.2.1:9', 1],
    ['http://10.255.255.1:9', 1],
    ['http://127.0.0.1:9', 0],
    ['https://192.0.2.1:9', 0],
  ])('an agent in its log, with %s: %i', async (url, times) => {
    const env = {
      MILLRACE_URL: url,
      MILLRACE_AGENT_KEY: key,
      AGENT_HOME: join(folder, 'home'),
      MODULES_DIR: folder,
    }
    // In the log level debug it says so when it listens, which is after it has begun.
    const lines = await printedUntil(
      [agentEntry],
      { ...env, LOG_LEVEL: 'debug' },
      /listening on this machine/,
    )
    expect(lines.filter((line) => line.includes('plain HTTP'))).toHaveLength(times)
    expect(lines.join('')).not.toContain(key)
  })

  test.each([
    ['http://192.168.1.2:8787', true],
    ['http://millrace.example', true],
    ['http://127.0.0.1:8787', false],
    ['https://millrace.example', false],
  ])('install-service on the terminal, with %s: %s', async (url, isWarned) => {
    const args = ['agent', 'install-service', '--print', '--home', join(folder, 'home')]
    const { ended } = startMillrace(folder, args, { MILLRACE_URL: url, MILLRACE_AGENT_KEY: key })
    expect((await ended).err.includes('plain HTTP')).toBe(isWarned)
  })

  test('a program with the client, where the address is on the open internet', async () => {
    const script = `import { connect } from ${JSON.stringify(clientEntry)}
      for (const url of ['http://millrace.example', 'http://millrace.example/', 'https://millrace.example', 'http://127.0.0.1:1', 'http://10.0.0.1:1'])
        connect({ url, key: '${key}' })
      console.log('done')`
    const lines = await printedUntil(['--input-type=module', '-e', script], {}, /^$/)
    expect(lines.filter((line) => line.includes('plain HTTP'))).toHaveLength(1)
    expect(lines).toContain('done')
    expect(lines.join('')).not.toContain(key)
  })
})
