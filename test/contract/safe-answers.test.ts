import { once } from 'node:events'
import { Writable } from 'node:stream'
import { serve } from '@hono/node-server'
import { createApp, hashSecret } from '@millrace/api'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, openApi, type TestApi } from '../support/api-in-process.ts'
import { makeGrant } from '../support/page-with-grant.ts'
import { echo, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { bytesOf } from '../support/upload-by-hand.ts'

const clock = shiftedClock()
const logged: string[] = []
const sink = new Writable({
  write(chunk, _encoding, done) {
    logged.push(String(chunk))
    done()
  },
})
let api: TestApi
let server: ReturnType<typeof serve>
let url: string
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock, logger: pino({ level: 'info' }, sink) }))
  const { app } = createApp(api.deps, {
    corsOrigins: ['https://app.example'],
    adminKeyHash: hashSecret(adminKey),
  })
  server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await once(server, 'listening')
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
})
afterAll(async () => {
  server?.close()
  await api.close()
})

describe('every answer says how little a browser may do with it', () => {
  const headersOf = async (path: string, init: Parameters<TestApi['request']>[1] = {}) => {
    const { status, headers } = await api.request(path, init)
    return {
      status,
      sniff: headers.get('x-content-type-options'),
      policy: headers.get('content-security-policy'),
      referrer: headers.get('referrer-policy'),
    }
  }
  const closed = {
    sniff: 'nosniff',
    policy: "default-src 'none'; frame-ancestors 'none'",
    referrer: 'no-referrer',
  }

  test('also refusals, pages, values and repeated answers', async () => {
    const value = await (
      await api.post('/api/data', { label: 'v', value: '<script>alert(1)</script>' })
    ).json()
    const file = await api.client.upload({ name: 'a.txt', contentType: 'text/plain', bytes: bytesOf('a') })
    await (await scriptedAgent(api)).has([echo])
    const task = await api.client.createTask({ module: 'echo' })
    const stop = new AbortController()
    const body = JSON.stringify({ label: 'v', value: 1 })
    const again = {
      method: 'POST',
      body,
      headers: { 'idempotency-key': 'again', origin: 'https://app.example' },
    }
    const answers: [number, string, Parameters<TestApi['request']>[1]?][] = [
      [200, '/healthz'],
      [200, '/openapi.json'],
      [200, '/api/data'],
      [200, `/api/data/${value.data.id}/content`],
      [201, '/api/data', again],
      [201, '/api/data', again],
      [302, `/api/data/${file.id}/content`, { redirect: 'manual' }],
      [200, `/api/tasks/${task.id}/events`, { signal: stop.signal }],
      [401, '/api/data', { key: null }],
      [404, '/nowhere'],
      [405, '/api/tasks', { method: 'DELETE' }],
      [422, '/api/data?limit=x'],
      [413, '/api/keys', { method: 'POST', body: 'x', headers: { 'content-length': '99999999' } }],
      [204, '/api/data', { method: 'OPTIONS', headers: { origin: 'https://app.example' } }],
    ]
    for (const [status, path, init] of answers)
      expect(await headersOf(path, init), `${status} ${path}`).toEqual({ status, ...closed })
    stop.abort()
  })

  test('the page of the calls is let its style, and neither scripts nor frames', async () => {
    const { policy, ...others } = await headersOf('/docs')
    expect(others).toMatchObject({ status: 200, sniff: 'nosniff', referrer: 'no-referrer' })
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('script-src')
    expect(await (await api.request('/docs')).text()).not.toMatch(/<script| on[a-z]+=/i)
  })
})

describe('who asks without a good key', () => {
  const told = () =>
    logged.flatMap((line) => (line.includes('without a valid key') ? [JSON.parse(line)] : []))
  const tick = () => api.post('/api/tick', {})

  test('is not limited', async () => {
    const statuses = new Set<number>()
    for (let left = 300; left > 0; left -= 1)
      statuses.add((await api.request('/api/data', { key: null })).status)
    expect([...statuses]).toEqual([401])
    clock.forward(61)
    await tick()
  })

  test('is counted by address, and logged once a minute, without what was sent', async () => {
    clock.forward(61)
    await tick()
    const { token, grant } = await makeGrant(api)
    await api.request(`/api/grants/${grant.id}`, { method: 'DELETE' })
    const secrets = ['mlr_a-guessed-secret', token, 'Basic']
    const before = told().length
    for (const secret of secrets)
      expect(
        (await fetch(`${url}/api/data`, { headers: { authorization: `Bearer ${secret}` } })).status,
      ).toBe(401)
    for (const path of ['/api/tasks', '/api/data?ticket=mlt_guessed', '/agent/v1/claim'])
      expect((await fetch(url + path, { method: path.includes('agent') ? 'POST' : 'GET' })).status).toBe(401)
    expect(
      (await fetch(`${url}/api/data`, { headers: { authorization: `Bearer ${adminKey}` } })).status,
    ).toBe(200)
    await tick()
    expect(told().length).toBe(before)
    clock.forward(61)
    await tick()
    expect(told().slice(before)).toMatchObject([{ requests: 6, addresses: 1, byAddress: { '127.0.0.1': 6 } }])
    for (const secret of [...secrets.slice(0, 2), 'mlt_guessed'])
      expect(logged.join('')).not.toContain(secret)
    clock.forward(61)
    await tick()
    expect(told().length).toBe(before + 1)
  })
})
