import { randomUUID } from 'node:crypto'
import { UploadAnswer } from '@millrace/shared'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { openEvents } from '../support/event-reader.ts'
import { makeGrant } from '../support/page-with-grant.ts'
import { refusalOf } from '../support/problem-of.ts'
import { echo, scriptedAgent } from '../support/scripted-agent.ts'
import { until } from '../support/until.ts'
import { bytesOf, put } from '../support/upload-by-hand.ts'

/** It stands still, so that nothing flows in unless a test wants it. */
const clock = {
  at: Date.now(),
  now: () => new Date(clock.at),
  forward(seconds: number) {
    clock.at += seconds * 1000
  },
}
let api: TestApi
let page: Awaited<ReturnType<typeof makeGrant>>['page']
let token: string
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
  await (await scriptedAgent(api)).has([echo])
})
beforeEach(async () => {
  ;({ page, token } = await makeGrant(api, { maxTasks: 1, maxUploads: 1 }))
})
afterAll(() => api.close())

const limited = { status: 429, code: 'rate_limited' }
/** Asks until it is refused; how often it was not. */
async function timesUntilLimited(ask: () => Promise<Response>, most = 1_000): Promise<number> {
  for (let times = 0; times < most; times += 1) {
    const answer = await ask()
    if (answer.status !== 429) continue
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refusalOf(answer)).toEqual(limited)
    return times
  }
  return most
}

describe('a grant allows a burst, and more as time passes', () => {
  test('requests, each for itself', async () => {
    expect(await timesUntilLimited(() => page.get('/api/data?limit=1'))).toBe(500)
    expect((await (await makeGrant(api)).page.get('/api/data')).status).toBe(200)
    expect((await api.request('/api/data')).status).toBe(200)
    clock.forward(1)
    expect(await timesUntilLimited(() => page.get('/api/data?limit=1'))).toBe(50)
  })

  test('tickets', async () => {
    expect(await timesUntilLimited(() => page.post('/api/tickets', { path: '/api/data' }))).toBe(300)
    expect((await page.get('/api/data')).status).toBe(200)
    clock.forward(2)
    expect(await timesUntilLimited(() => page.post('/api/tickets', { path: '/api/data' }))).toBe(10)
  })

  test('remembered requests', async () => {
    let count = 0
    const ask = () => page.post('/api/tasks', { module: 'none' }, { 'idempotency-key': `k${count++}` })
    expect(await timesUntilLimited(ask)).toBe(300)
    expect((await page.post('/api/tasks', { module: 'none' })).status).toBe(422)
    clock.forward(2)
    expect(await timesUntilLimited(ask)).toBe(10)
  })

  test.each([true, false])('bytes of bodies, announced: %s', async (isAnnounced) => {
    const body = `{"label":"${'x'.repeat(1024 * 1024)}"}`
    const headers: Record<string, string> = isAnnounced ? { 'content-length': String(body.length) } : {}
    const ask = () =>
      api.request('/api/data', {
        method: 'POST',
        key: token,
        body,
        headers: { 'content-type': 'application/json', ...headers },
      })
    expect(await timesUntilLimited(ask)).toBe(31)
    clock.forward(1)
    expect(await timesUntilLimited(ask)).toBeLessThanOrEqual(2)
  })

  test('streams and waits that are open, until they are closed', async () => {
    const { task } = await (await page.post('/api/tasks', { module: 'echo' })).json()
    const streams = []
    for (let left = 29; left > 0; left -= 1)
      streams.push(await openEvents(api, `/api/tasks/${task.id}/events`, { key: token }))
    for (const stream of streams) expect((await stream.next())?.event).toBe('state')
    const waiting = new AbortController()
    const waits = api.request(`/api/tasks/${task.id}?wait=60`, { key: token, signal: waiting.signal })
    await until('the wait counts', 10, async () => {
      const one = await api.request(`/api/tasks/${task.id}/events`, { key: token })
      await one.body?.cancel()
      return one.status === 429
    })
    expect(await refusalOf(await page.get(`/api/tasks/${task.id}?wait=1`))).toEqual(limited)
    expect((await page.get(`/api/tasks/${task.id}`)).status).toBe(200)
    waiting.abort()
    await waits.catch(() => undefined)
    for (const stream of streams) await stream.close()
    await until('places are free again', 10, async () => {
      const one = await api.request(`/api/tasks/${task.id}/events`, { key: token })
      await one.body?.cancel()
      return one.status === 200
    })
    await api.client.cancelTask(task.id)
  })
})

test('a key has limits, too: each of a thousand processes gives a thousandth', async () => {
  api.deps.replicas.count = 1_000
  const { secret: key } = await api.client.createKey({ name: 'busy', scopes: ['write', 'agent'] })
  const ticket = () => api.post('/api/tickets', { path: '/api/data' }, { key })
  expect(await timesUntilLimited(ticket)).toBe(10)
  clock.forward(10)
  expect(await timesUntilLimited(ticket)).toBe(2)
  const body = { name: 'a', instanceId: randomUUID(), platform: { os: 'linux' }, version: '0' }
  const register = () => api.post('/agent/v1/register', body, { key })
  expect(await timesUntilLimited(register)).toBe(2)
  clock.forward(50)
  expect(await timesUntilLimited(register)).toBe(1)
  const { id } = await api.client.createTask({ module: 'echo' })
  const streams = []
  for (let left = 5; left > 0; left -= 1)
    streams.push(await openEvents(api, `/api/tasks/${id}/events`, { key }))
  expect(await refusalOf(await api.request(`/api/tasks/${id}/events`, { key }))).toEqual(limited)
  for (const stream of streams) await stream.close()
  await api.client.cancelTask(id)
  api.deps.replicas.count = 1
})

describe('an upload of a grant', () => {
  const create = async () => {
    const file = { name: 'p.txt', size: 5, contentType: 'text/plain' }
    const { data, upload } = UploadAnswer.parse(
      await (await page.post('/api/data', { label: 'p', file })).json(),
    )
    if (upload?.kind !== 'single') throw new Error('no upload URL')
    return { id: data.id, upload }
  }
  const fresh = async (id: string) => {
    const { upload } = UploadAnswer.parse(await (await page.post(`/api/data/${id}/upload`)).json())
    if (upload?.kind !== 'single') throw new Error('no upload URL')
    return upload
  }
  const stored = async (id: string) =>
    (await api.deps.objects.list(`incoming/${id}/`, '', 100)).objects.length

  test('stores one object, whatever number of URLs it has', async () => {
    const { id, upload } = await create()
    const uploads = [upload]
    for (let left = 20; left > 0; left -= 1) uploads.push(await fresh(id))
    const statuses = await Promise.all(uploads.map((one) => put(one, bytesOf('hello'))))
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect(await stored(id)).toBe(1)
    expect((await page.post(`/api/data/${id}/complete`)).status).toBe(200)
  })

  test('may start again after wrong bytes, a few times', async () => {
    const { id, upload } = await create()
    expect(await put(upload, bytesOf('wrong'))).toBe(200)
    for (let left = 2; left > 0; left -= 1) expect(await put(await fresh(id), bytesOf('wrong'))).toBe(200)
    for (let left = 5; left > 0; left -= 1)
      expect(await refusalOf(await page.post(`/api/data/${id}/upload`))).toEqual({
        status: 403,
        code: 'forbidden',
      })
    expect(await stored(id)).toBe(3)
    expect((await page.post(`/api/data/${id}/complete`)).status).toBe(200)
  })
})
