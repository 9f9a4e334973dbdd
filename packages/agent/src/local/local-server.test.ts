import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { controlFile } from './control-file.ts'
import { openLocalServer } from './local-server.ts'

let home: string
let close: () => Promise<void>
const Control = z.object({ url: z.string(), token: z.string() })

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'local-'))
})
afterEach(async () => {
  await close()
  await rm(home, { recursive: true })
})

async function listen(host: string) {
  const nothing = async () => undefined
  const acts = { pause: nothing, resume: nothing, drain: nothing }
  const says = {
    status: () => ({ ok: true }),
    isHealthy: () => true,
    metrics: async () => 'millrace_runs 1\n',
  }
  const server = await openLocalServer({
    home,
    host,
    port: 0,
    ...says,
    ...acts,
    logger: pino({ level: 'silent' }),
  })
  close = server.close
  const { url, token } = Control.parse(JSON.parse(await readFile(controlFile(home), 'utf8')))
  const { port } = new URL(url)
  /** The status and the body. */
  return (path: string, name: string | null, method = 'GET', more: Record<string, string> = {}) =>
    new Promise<[number, string]>((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${token}`,
        ...(name === null ? {} : { host: name.replace('PORT', port) }),
        ...more,
      }
      const sent = request(
        { host: '127.0.0.1', port, path, method, headers, setHost: name !== null },
        async (answer) => {
          let text = ''
          for await (const chunk of answer) text += String(chunk)
          resolve([answer.statusCode ?? 0, text])
        },
      )
      sent.on('error', reject)
      sent.end()
    })
}

const routes = [
  ['GET', '/healthz'],
  ['GET', '/metrics'],
  ['GET', '/status'],
  ['POST', '/pause'],
  ['POST', '/resume'],
  ['POST', '/drain'],
  ['GET', '/nothing'],
] as const

describe('the local server answers', () => {
  test('requests for this machine', async () => {
    const ask = await listen('127.0.0.1')
    for (const name of ['127.0.0.1:PORT', 'localhost:PORT', 'LOCALHOST', '[::1]:PORT', '127.0.0.2'])
      for (const [method, path] of routes)
        expect((await ask(path, name, method))[0], `${name} ${path}`).toBe(path === '/nothing' ? 404 : 200)
  })

  test('no request for another host name, at any path', async () => {
    const ask = await listen('127.0.0.1')
    const names = [
      'evil.example:PORT',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '10.0.0.1',
      hostname(),
      '0.0.0.0',
    ]
    for (const name of names)
      for (const [method, path] of routes) {
        const [status, text] = await ask(path, name, method)
        expect([name, path, status]).toEqual([name, path, 403])
        expect(text).not.toContain('millrace_runs')
      }
  })

  test('no request of a web page, at any path', async () => {
    const ask = await listen('127.0.0.1')
    const ofPages: Record<string, string>[] = [
      { origin: 'https://page.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' }, // <img>, <script> and links have no Origin
      { 'sec-fetch-site': 'same-site' },
    ]
    for (const more of ofPages)
      for (const [method, path] of routes)
        expect((await ask(path, '127.0.0.1:PORT', method, more))[0], JSON.stringify([path, more])).toBe(403)
    for (const site of ['none', 'same-origin'])
      expect((await ask('/healthz', '127.0.0.1:PORT', 'GET', { 'sec-fetch-site': site }))[0]).toBe(200)
  })

  test('only health and metrics without the token', async () => {
    const ask = await listen('127.0.0.1')
    for (const authorization of ['', 'Bearer', 'Bearer guess'])
      for (const [method, path] of routes) {
        const isOpen = path === '/healthz' || path === '/metrics'
        expect((await ask(path, '127.0.0.1:PORT', method, { authorization }))[0], path).toBe(
          isOpen ? 200 : 401,
        )
      }
  })

  test('other machines by its address or name, if it listens for them', async () => {
    const ask = await listen('0.0.0.0')
    for (const name of ['10.0.0.1:PORT', `${hostname()}:PORT`, '127.0.0.1:PORT'])
      expect((await ask('/metrics', name))[0], name).toBe(200)
    expect((await ask('/metrics', 'evil.example'))[0]).toBe(403)
  })
})
