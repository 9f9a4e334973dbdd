import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { problemOf, refusalOf } from '../support/problem-of.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { bytesOf, put } from '../support/upload-by-hand.ts'

const clock = shiftedClock()
let api: TestApi
let agent: ScriptedAgent
let failAfterInsert = false
beforeAll(async () => {
  api = await openApi((deps) => ({
    ...deps,
    clock,
    failpoint(point) {
      if (point === 'submit.inserted' && failAfterInsert) throw new Error('half way')
    },
  }))
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterAll(() => api.close())

const once = (key: string, path: string, body: unknown, apiKey?: string) =>
  api.post(path, body, { headers: { 'idempotency-key': key }, ...(apiKey ? { key: apiKey } : {}) })
const count = async () => (await api.deps.store.tasks.find({}, { limit: 1000 })).length

describe('the same request again', () => {
  test('makes nothing twice and gets the same answer, whatever the order of its keys', async () => {
    const before = await count()
    const first = await once('a', '/api/tasks', { module: 'echo', inputs: { text: 'x' }, label: 'l' })
    expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([201, null])
    const again = await once('a', '/api/tasks', { label: 'l', inputs: { text: 'x' }, module: 'echo' })
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true'])
    expect((await again.json()).task).toEqual((await first.json()).task)
    expect(await count()).toBe(before + 1)
  })

  test('does not bring back what was deleted since', async () => {
    const body = { label: 'gone', value: 1 }
    const { data } = await (await once('deleted', '/api/data', body)).json()
    expect((await api.request(`/api/data/${data.id}`, { method: 'DELETE' })).status).toBe(204)
    expect(await refusalOf(await once('deleted', '/api/data', body))).toEqual({
      status: 404,
      code: 'not_found',
    })
    expect(await api.deps.store.data.get(data.id)).toBeNull()
  })

  test('returns the present state: the task may have ended, and its module may be gone', async () => {
    const body = { module: 'echo', inputs: { text: 'b' }, priority: 'high' }
    const { task } = await (await once('b', '/api/tasks', body)).json()
    const grant = await agent.claim([echo])
    expect(grant?.run).toBe(`${task.id}.1`)
    await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: { said: { value: 'b' } } })
    await agent.has([])
    await api.deps.store.modules.remove('echo')
    const again = await once('b', '/api/tasks', body)
    await agent.has([echo])
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true'])
    expect((await again.json()).task).toMatchObject({ id: task.id, status: 'succeeded' })
  })

  test('of an upload gives a URL that works', async () => {
    const body = { label: 'f', file: { name: 'f', size: 2, contentType: 'text/plain' } }
    const first = await (await once('c', '/api/data', body)).json()
    const again = await (await once('c', '/api/data', body)).json()
    expect(again.data).toEqual(first.data)
    expect(await put(again.upload, bytesOf('hi'))).toBe(200)
    expect((await once('c', `/api/data/${first.data.id}/complete`, {})).status).toBe(200)
    expect((await once('c', `/api/data/${first.data.id}/complete`, {})).status).toBe(200)
  })

  test('of a key shows no secret, and brings a deleted key not back', async () => {
    const body = { name: 'k', scopes: ['read'] }
    const first = await (await once('d', '/api/keys', body)).json()
    expect(first.secret).toMatch(/^mlr_/)
    const again = await once('d', '/api/keys', body)
    expect(again.status).toBe(201)
    expect(await again.json()).toEqual({ key: first.key, secret: null })
    await api.request(`/api/keys/${first.key.id}`, { method: 'DELETE' })
    expect((await (await once('d', '/api/keys', body)).json()).secret).toBeNull()
    expect(await api.deps.store.keys.get(first.key.id)).toBeNull()
  })

  test('has the status of the first answer', async () => {
    const { task } = await (await api.post('/api/tasks', { module: 'echo' })).json()
    const path = `/api/tasks/${task.id}/cancel`
    expect((await once('e', path, {})).status).toBe(202)
    expect((await once('e', path, {})).status).toBe(202)
    expect((await once('e2', path, {})).status).toBe(200)
    expect((await once('e2', path, {})).status).toBe(200)
  })

  test('runs a module once, even when the installation is full', async () => {
    const body = { inputs: { text: 'r' }, queue: false }
    const first = await (await once('f', '/api/modules/echo/run', body)).json()
    await api.client.changeSettings({ maxRunningTasks: 0 })
    const again = await once('f', '/api/modules/echo/run', body)
    await api.client.changeSettings({ maxRunningTasks: 10 })
    expect(again.status).toBe(202)
    expect(await again.json()).toMatchObject({ taskId: first.taskId })
  })

  test('counts per key, method and path', async () => {
    const { secret } = await api.client.createKey({ name: 'other', scopes: ['write'] })
    const mine = await (await once('g', '/api/data', { label: 'a', value: 1 })).json()
    const other = await once('g', '/api/data', { label: 'a', value: 1 }, secret ?? '')
    expect(other.headers.get('idempotency-replayed')).toBeNull()
    expect((await other.json()).data.id).not.toBe(mine.data.id)
    expect((await once('g', '/api/tasks', { module: 'echo' })).status).toBe(201)
  })

  test('is a new one after 24 hours', async () => {
    const first = await (await once('h', '/api/data', { label: 'a', value: 1 })).json()
    clock.forward(24 * 3600 + 1)
    const later = await once('h', '/api/data', { label: 'another', value: 2 })
    expect(later.status).toBe(201)
    expect((await later.json()).data.id).not.toBe(first.data.id)
    await agent.registerAgain()
  })
})

describe('a refusal', () => {
  test('idempotency_mismatch for another body', async () => {
    await once('m', '/api/data', { label: 'a', value: 1 })
    const mismatch = { status: 422, code: 'idempotency_mismatch' }
    expect(await refusalOf(await once('m', '/api/data', { label: 'a', value: 2 }))).toEqual(mismatch)
  })

  test('is not remembered: after a correction the same key works', async () => {
    expect((await once('n', '/api/data', { label: 5, value: 1 })).status).toBe(422)
    expect((await once('n', '/api/data', { label: 'a', value: 1 })).status).toBe(201)
  })

  test('for a key that is empty or too long', async () => {
    for (const key of ['', 'x'.repeat(256)])
      expect(await refusalOf(await once(key, '/api/data', { label: 'a', value: 1 }))).toMatchObject({
        status: 422,
        code: 'invalid_request',
      })
    expect((await once('x'.repeat(255), '/api/data', { label: 'a', value: 1 })).status).toBe(201)
  })
})

describe('a request that is still in flight', () => {
  test('is not done a second time: 409 with Retry-After, and one result', async () => {
    const before = await count()
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => once('i', '/api/tasks', { module: 'echo' })),
    )
    for (const answer of answers.filter((one) => one.status !== 201)) {
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
      expect((await problemOf(answer)).code).toBe('idempotency_in_progress')
    }
    expect(answers.some((answer) => answer.status === 201)).toBe(true)
    expect(await count()).toBe(before + 1)
  })

  test('that broke off half way is gone on with, not begun again', async () => {
    const before = await count()
    failAfterInsert = true
    expect((await once('j', '/api/tasks', { module: 'echo' })).status).toBe(500)
    failAfterInsert = false
    const again = await once('j', '/api/tasks', { module: 'echo' })
    expect(again.status).toBe(201)
    expect(await count()).toBe(before + 1)
    expect((await again.json()).task.status).toBe('queued')
  })
})
