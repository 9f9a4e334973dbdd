import { GrantCreated, TaskAnswer } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { openEvents } from '../support/event-reader.ts'
import { aGrant, inAnHour, makeGrant } from '../support/page-with-grant.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'

let api: TestApi
let agent: ScriptedAgent
const inDays = (days: number) => new Date(Date.now() + days * 24 * 3_600_000).toISOString()
const text = { key: 'text', type: 'text', required: false }
const echo = availableModule({ name: 'echo', inputs: [text], outputs: [{ key: 'said', type: 'text' }] })

beforeAll(async () => {
  api = await openApi()
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterAll(() => api.close())

test('a page uploads, makes a task, and reads what came of it, with the token alone', async () => {
  const { grant, token, page } = await makeGrant(api)
  const { get, post, upload } = page
  const { id } = await upload('what the visitor has')
  const created = await post('/api/tasks', {
    module: 'echo',
    inputs: { text: { data: id } },
    outputs: { said: { label: 'answer' } },
    label: 'mine',
  })
  expect(created.status).toBe(201)
  const { task } = TaskAnswer.parse(await created.json())

  const granted = await agent.claim([echo])
  expect(granted?.run).toBe(`${task.id}.1`)
  await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: { said: { value: 'hello' } } })
  expect(await (await get(`/api/tasks/${task.id}?wait=5`)).json()).toMatchObject({
    task: { status: 'succeeded', result: { said: 'hello' }, grantId: grant.id },
  })
  const said = task.outputs.said?.data
  expect(await (await get(`/api/data/${said}/content`)).text()).toBe('hello')
  const list = z.object({ items: z.array(z.object({ id: z.string() })) })
  const data = list.parse(await (await get('/api/data')).json())
  expect(data.items.map((item) => item.id).sort()).toEqual([id, said].sort())
  const tasks = list.parse(await (await get('/api/tasks')).json())
  expect(tasks.items.map((item) => item.id)).toEqual([task.id])

  const all = await api.client.listData({ grant: grant.id })
  expect(all.items.map((item) => item.id).sort()).toEqual([id, said].sort())
  const listed = await (await api.request('/api/grants')).json()
  expect(listed.items[0]).toMatchObject({ id: grant.id, uploads: 1, tasks: 1, modules: ['echo'] })
  expect(JSON.stringify(listed)).not.toContain(token)
})

describe('what a grant allows is counted', () => {
  test('exactly, of fifty uploads at once', async () => {
    const { page } = await makeGrant(api, { maxUploads: 7 })
    const { post } = page
    const file = { name: 'p.txt', size: 5, contentType: 'text/plain' }
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => post('/api/data', { label: 'p', file })),
    )
    const statuses = answers.map((answer) => answer.status)
    expect(statuses.filter((status) => status === 201)).toHaveLength(7)
    expect(statuses.filter((status) => status === 403)).toHaveLength(43)
  })

  test('exactly, of fifty tasks at once', async () => {
    const { grant, page } = await makeGrant(api, { maxTasks: 7 })
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => page.post('/api/tasks', { module: 'echo', inputs: { text: 'a' } })),
    )
    const statuses = answers.map((answer) => answer.status)
    expect(statuses.filter((status) => status === 201)).toHaveLength(7)
    expect(statuses.filter((status) => status === 403)).toHaveLength(43)
    const made = await api.client.listTasks({ status: 'queued', grant: grant.id })
    for (const { id } of made.items) await api.client.cancelTask(id)
  })

  test('a value counts as an upload, a repeated request counts once, a refused one not at all', async () => {
    const { page } = await makeGrant(api, { maxUploads: 2, maxTasks: 1 })
    const { post } = page
    const again = { 'idempotency-key': 'same' }
    const first = await (await post('/api/data', { label: 'v', value: 1 }, again)).json()
    const second = await post('/api/data', { label: 'v', value: 1 }, again)
    expect((await second.json()).data.id).toBe(first.data.id)
    expect((await post('/api/data', { label: 'v', value: 'x'.repeat(2000) })).status).toBe(422)
    expect((await post('/api/data', { label: 'v', value: 2 })).status).toBe(201)
    expect(await refusalOf(await post('/api/data', { label: 'v', value: 3 }))).toEqual({
      status: 403,
      code: 'forbidden',
    })
    expect((await post('/api/tasks', { module: 'echo', inputs: { nonsense: 1 } })).status).toBe(422)
    expect((await post('/api/tasks', { module: 'echo', inputs: { text: 'a' } })).status).toBe(201)
    expect((await post('/api/tasks', { module: 'echo', inputs: { text: 'a' } })).status).toBe(403)
  })
})

describe('a token ends', () => {
  const refused = { status: 401, code: 'unauthorized' }

  test('when the grant is revoked, also for what it had begun; what was made stays', async () => {
    const { grant, page } = await makeGrant(api)
    const { get, post, upload } = page
    const { id } = await upload('kept')
    expect((await api.request(`/api/grants/${grant.id}`, { method: 'DELETE' })).status).toBe(204)
    expect(await refusalOf(await get(`/api/data/${id}`))).toEqual(refused)
    expect(await refusalOf(await post(`/api/data/${id}/complete`))).toEqual(refused)
    expect((await api.request(`/api/grants/${grant.id}`, { method: 'DELETE' })).status).toBe(404)
    expect((await api.client.data(id)).status).toBe('available')
  })

  test('with the key that gave it', async () => {
    const key = await api.client.createKey({ name: 'of a web server', scopes: ['write'] })
    const { page } = await makeGrant(api, {}, key.secret ?? undefined)
    expect((await page.get('/api/data')).status).toBe(200)
    await api.request(`/api/keys/${key.key.id}`, { method: 'DELETE' })
    expect(await refusalOf(await page.get('/api/data'))).toEqual(refused)
  })

  test('when the key that gave it expires', async () => {
    const clock = shiftedClock()
    const late = await openApi((deps) => ({ ...deps, clock }))
    const expiresAt = new Date(Date.now() + 600_000).toISOString()
    const { secret } = await late.client.createKey({ name: 'of an hour', scopes: ['write'], expiresAt })
    const { page } = await makeGrant(late, {}, secret ?? undefined)
    expect((await page.get('/api/data')).status).toBe(200)
    clock.forward(601)
    expect(await refusalOf(await page.get('/api/data'))).toEqual(refused)
    expect(await refusalOf(await page.post('/api/tickets', { path: '/api/data' }))).toEqual(refused)
    await late.close()
  })

  test('and its event streams soon after it, like those of a key that is deleted', async () => {
    const { grant, token, page } = await makeGrant(api)
    const key = await api.client.createKey({ name: 'follows', scopes: ['read'] })
    const { task } = TaskAnswer.parse(await (await page.post('/api/tasks', { module: 'echo' })).json())
    const path = `/api/tasks/${task.id}/events`
    const streams = [
      await openEvents(api, path, { key: token }),
      await openEvents(api, path, { key: key.secret }),
    ]
    await api.request(`/api/grants/${grant.id}`, { method: 'DELETE' })
    await api.request(`/api/keys/${key.key.id}`, { method: 'DELETE' })
    const endedAt = Date.now()
    for (const stream of streams) {
      const events = await stream.rest()
      expect(events.map(({ event }) => event)).not.toContain('end')
    }
    expect(Date.now() - endedAt).toBeLessThan(20_000)
    await api.client.cancelTask(task.id)
  })

  test('at its time', async () => {
    const clock = shiftedClock()
    const late = await openApi((deps) => ({ ...deps, clock }))
    const body = { ...aGrant, expiresAt: inAnHour() }
    const { token } = GrantCreated.parse(await (await late.post('/api/grants', body)).json())
    const ask = () => late.request('/api/data', { key: token })
    expect((await ask()).status).toBe(200)
    clock.forward(3601)
    expect(await refusalOf(await ask())).toEqual(refused)
    await late.close()
  })
})

describe('making one', () => {
  test('a repetition gives the same grant, and its token no more', async () => {
    const body = { ...aGrant, expiresAt: inAnHour() }
    const headers = { 'idempotency-key': 'grant' }
    const first = await (await api.post('/api/grants', body, { headers })).json()
    const second = await (await api.post('/api/grants', body, { headers })).json()
    expect(second).toEqual({ grant: first.grant, token: null })
  })

  test('needs write, and a grant cannot make another', async () => {
    const reader = await api.client.createKey({ name: 'r', scopes: ['read'] })
    const body = { ...aGrant, expiresAt: inAnHour() }
    expect((await api.post('/api/grants', body, { key: reader.secret })).status).toBe(403)
    const { token } = await makeGrant(api)
    expect((await api.post('/api/grants', body, { key: token })).status).toBe(403)
  })

  test('is for at most 30 days', async () => {
    const body = { ...aGrant, expiresAt: inDays(29.99) }
    expect((await api.post('/api/grants', body)).status).toBe(201)
  })

  test.each([
    ['/expiresAt', { expiresAt: '2020-01-01T00:00:00Z' }],
    ['/expiresAt', { expiresAt: '2099-01-01T00:00:00Z' }],
    ['/expiresAt', { expiresAt: inDays(30.01) }],
    ['/expiresAt', { expiresAt: undefined }],
    ['/maxUploads', { maxUploads: -1 }],
    ['/maxTasks', { maxTasks: 1.5 }],
    ['/contentTypes/0', { contentTypes: ['*/*'] }],
    ['/modules/0', { modules: ['../x'] }],
    ['/scopes', { scopes: ['admin'] }],
  ])('422 for %s of %j', async (path, more) => {
    const answer = await api.post('/api/grants', { ...aGrant, expiresAt: inAnHour(), ...more })
    expect(await refusalOf(answer)).toMatchObject({ status: 422, paths: [path] })
  })
})
