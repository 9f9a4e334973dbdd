import { randomUUID } from 'node:crypto'
import type { LogLine } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, echo, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'

const shifted = shiftedClock()
let stoppedAt: Date | null = null
const clock = { ...shifted, now: () => stoppedAt ?? shifted.now() }
let api: TestApi
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }), { MAX_AGENTS_PER_KEY: '3' })
})
afterAll(() => api.close())

const MiB = 1024 * 1024
const at = '2026-11-21T00:00:00.000Z'
const line = (n: number, text: string): LogLine => ({ n, at, stream: 'stdout', line: text })
const endlessBody = (onPull: () => void) =>
  new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        onPull()
        controller.enqueue(new Uint8Array(MiB).fill(0x20))
      },
    },
    { highWaterMark: 0 },
  )
const unknownKey = `mlr_01ARZ3NDEKTSV4RRFFQ69G5FAV_${'x'.repeat(43)}`

describe('a request whose key is not known', () => {
  test('is answered before its body is read, whatever it asks for', async () => {
    const document: { paths: Record<string, Record<string, object>> } = await (
      await api.request('/openapi.json')
    ).json()
    const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, call]) =>
        'requestBody' in call ? [[method, path] as const] : [],
      ),
    )
    expect(calls.length).toBeGreaterThan(20)
    for (const [method, path] of calls) {
      let taken = 0
      const endless = endlessBody(() => {
        taken += 1
      })
      const init = { method: method.toUpperCase(), key: unknownKey, body: endless, duplex: 'half' }
      const headers = { 'content-type': 'application/json' }
      const answer = await api.request(path.replaceAll(/\{\w+\}/g, 'none'), { ...init, headers })
      expect([path, answer.status, taken]).toEqual([path, 401, 0])
    }
  })
})

test('the rate limit of a key counts what its agents ask, too', async () => {
  const { secret } = await api.client.createKey({
    name: 'slow agent',
    scopes: ['agent'],
    rateLimit: { requestsPerSecond: 1, burst: 5 },
  })
  const agent = await scriptedAgent(api, { key: secret ?? '' })
  const statuses = []
  for (let left = 8; left > 0; left -= 1)
    statuses.push((await agent.call('heartbeat', { sessionId: agent.sessionId, runs: [] })).status)
  expect(statuses.slice(0, 4)).toEqual([200, 200, 200, 200])
  expect(statuses).toContain(429)
  clock.forward(60)
  expect((await agent.call('heartbeat', { sessionId: agent.sessionId, runs: [] })).status).not.toBe(429)
})

test('a request beyond the rate limit of its key is refused before its body is read', async () => {
  const { secret: key } = await api.client.createKey({
    name: 'slow',
    scopes: ['agent', 'write'],
    rateLimit: { requestsPerSecond: 1, burst: 1 },
  })
  stoppedAt = clock.now()
  expect((await api.request('/api/data', { key })).status).toBe(200)
  let taken = 0
  for (const path of ['/api/data', '/agent/v1/claim']) {
    const endless = endlessBody(() => {
      taken += 1
    })
    const init = { method: 'POST', key, body: endless, duplex: 'half' }
    const answer = await api.request(path, { ...init, headers: { 'content-type': 'application/json' } })
    expect([path, answer.status, taken]).toEqual([path, 429, 0])
  }
  stoppedAt = null
})

describe('agents of one key', () => {
  const register = (key: string | null, more: object = {}) =>
    api.post(
      '/agent/v1/register',
      { name: 'one', instanceId: randomUUID(), platform: { os: 'linux' }, version: '0', ...more },
      { key },
    )

  test('are as many as the setting says; known ones come back, and silent ones count no more', async () => {
    const { secret: key } = await api.client.createKey({ name: 'of many', scopes: ['agent'] })
    const first = await scriptedAgent(api, { key: key ?? '' })
    for (let left = 2; left > 0; left -= 1) expect((await register(key)).status).toBe(200)
    const refused = await register(key)
    expect(await refused.clone().json()).toMatchObject({
      detail: expect.stringContaining('MAX_AGENTS_PER_KEY'),
    })
    expect(await refusalOf(refused)).toEqual({ status: 403, code: 'forbidden' })
    await first.registerAgain()
    const another = await api.client.createKey({ name: 'another', scopes: ['agent'] })
    expect((await register(another.secret)).status).toBe(200)
    clock.forward(31 * 24 * 3600)
    expect((await register(key)).status).toBe(200)
  })

  test('register so often and no more', async () => {
    const { secret } = await api.client.createKey({ name: 'restless', scopes: ['agent'] })
    const agent = await scriptedAgent(api, { key: secret ?? '' })
    const again = { agentId: agent.agentId, instanceId: agent.instanceId }
    // On a busy machine requests may come as slowly as they are let through.
    stoppedAt = clock.now()
    let refusedAfter = 0
    while (refusedAfter < 3_000 && (await register(agent.key, again)).status === 200) refusedAfter += 1
    expect(refusedAfter).toBeGreaterThan(1_000)
    expect(refusedAfter).toBeLessThan(3_000)
    expect(await refusalOf(await register(agent.key, again))).toEqual({ status: 429, code: 'rate_limited' })
    stoppedAt = null
  })
})

describe('an install log', () => {
  test('of a name that no module can have is not found', async () => {
    const agent = await scriptedAgent(api)
    const names = [
      'a b',
      'a.b',
      '>',
      '*',
      '%00',
      'A',
      '%F0%9F%92%A7',
      '__proto__',
      'x'.repeat(300),
      'a%0d%0ab',
      '%2e%2e',
    ]
    for (const name of names) {
      const body = { sessionId: agent.sessionId, digest: 'd', lines: [line(1, 'a')] }
      expect(await refusalOf(await agent.call(`modules/${name}/install-log`, body)), name).toEqual({
        status: 404,
        code: 'not_found',
      })
    }
  })

  test('keeps the newest 4 MiB, however much is sent', async () => {
    const agent = await scriptedAgent(api)
    const module = availableModule({ name: 'talkative' })
    await agent.has([module])
    const send = (lines: LogLine[]) =>
      agent.call('modules/talkative/install-log', {
        sessionId: agent.sessionId,
        digest: module.digest,
        lines,
      })
    for (let round = 0; round < 3; round += 1) {
      const lines = Array.from({ length: 35 }, (_, k) => line(round * 35 + k + 1, 'x'.repeat(400_000)))
      expect((await send(lines)).status).toBe(204)
    }
    expect(await refusalOf(await send([line(1_000, 'x'.repeat(MiB))]))).toMatchObject({ status: 413 })
    const text = await (await api.request('/api/modules/talkative/install-log')).text()
    expect(text.length).toBeLessThan(4 * MiB + 100)
    expect(JSON.parse(text.trim().split('\n').at(-1) ?? '')).toMatchObject({ n: 105 })
  })

  test('of contents that are gone is kept for the last few of them', async () => {
    const agent = await scriptedAgent(api)
    const module = availableModule({ name: 'edited' })
    await agent.has([module])
    const digests = [module.digest, ...Array.from({ length: 40 }, (_, n) => `digest-${n}`)]
    for (const digest of digests) {
      clock.forward(1)
      const body = { sessionId: agent.sessionId, digest, lines: [line(1, digest)] }
      expect((await agent.call('modules/edited/install-log', body)).status).toBe(204)
    }
    const from = `${agent.agentId}:edited:`
    const logs = await api.deps.store.installLogs.find(
      { _id: { $gte: from, $lt: `${from}~` } },
      { limit: 100 },
    )
    const kept = logs.map((log) => log._id.slice(from.length)).sort()
    expect(kept).toEqual([module.digest, ...[34, 35, 36, 37, 38, 39].map((n) => `digest-${n}`)].sort())
  })
})

describe('what no document can hold is refused in words', () => {
  test('modules', async () => {
    const agent = await scriptedAgent(api)
    const big = (name: string) => availableModule({ name, description: 'x'.repeat(9 * MiB) })
    await agent.has([big('large')])
    const another = await scriptedAgent(api)
    const answer = await another.call(
      'modules',
      { sessionId: another.sessionId, modules: [big('large')] },
      'PUT',
    )
    expect(await refusalOf(answer)).toEqual({ status: 413, code: 'payload_too_large' })
  })

  test('the report of a run', async () => {
    const agent = await scriptedAgent(api)
    await agent.has([echo])
    const task = await api.client.createTask({ module: 'echo' })
    await agent.claim([echo])
    const detail = { text: 'x'.repeat(15.9 * MiB) }
    const error = { code: 'module_error', message: 'a', retryable: false, detail }
    const report = { sessionId: agent.sessionId, outcome: 'failed', result: {}, error }
    const answer = await agent.call(`runs/${task.id}.1/finish`, report)
    expect(await refusalOf(answer)).toEqual({ status: 413, code: 'payload_too_large' })
    await agent.finish(`${task.id}.1`, { outcome: 'failed', result: {} })
  })
})

test('only outputs of the task and its log get upload URLs', async () => {
  const agent = await scriptedAgent(api)
  await agent.has([echo])
  const task = await api.client.createTask({ module: 'echo' })
  await agent.claim([echo])
  const ask = (output: string, n = 0) => {
    const file = { output, n, name: 'a.txt', size: 1, sha256: '0'.repeat(64), contentType: 'text/plain' }
    return agent.call(`runs/${task.id}.1/outputs`, { sessionId: agent.sessionId, files: [file] })
  }
  for (const output of ['said', 'copy', '$log']) expect((await ask(output)).status, output).toBe(200)
  const others = [
    ['other'],
    ['../said'],
    ['said/..'],
    ['__proto__'],
    ['constructor'],
    [''],
    ['$log', 1],
  ] as const
  for (const [output, n] of others)
    expect(await refusalOf(await ask(output, n)), output).toEqual({
      status: 422,
      code: 'invalid_request',
      paths: ['/files/0/output'],
    })
  await agent.finish(`${task.id}.1`, { outcome: 'failed', result: {} })
})
