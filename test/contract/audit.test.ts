import { AuditPage } from '@millrace/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { echo, scriptedAgent } from '../support/scripted-agent.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
  await (await scriptedAgent(api)).has([echo])
})
afterAll(() => api.close())

const list = async (query = '') => AuditPage.parse(await (await api.request(`/api/audit?${query}`)).json())

test('says who did what to what, newest first, with the request', async () => {
  const { key, secret } = await api.client.createKey({ name: 'operator', scopes: ['write'] })
  const task = await api.client.createTask({ module: 'echo' })
  const headers = { 'x-request-id': 'req-of-mine' }
  await api.request(`/api/tasks/${task.id}/cancel`, { method: 'POST', key: secret, headers })
  await api.client.changeSettings({ maxRunningTasks: 11 })
  const { items } = await list()
  expect(items.slice(0, 3)).toMatchObject([
    { action: 'settings.change', subject: null, path: '/api/settings' },
    { action: 'task.cancel', subject: task.id, keyId: key.id, requestId: 'req-of-mine', status: 202 },
    { action: 'key.create', subject: key.id },
  ])
  expect((await list(`key=${key.id}`)).items).toHaveLength(1)
  expect((await list('action=key.create&limit=1')).nextCursor).not.toBeNull()
  expect((await list(`subject=${task.id}`)).items.map(({ action }) => action)).toEqual(['task.cancel'])
})

test('holds no secret, and nothing that was refused', async () => {
  const { secret } = await api.client.createKey({ name: 'secretive', scopes: ['read'] })
  const before = (await list()).items.length
  expect((await api.post('/api/keys', {})).status).toBe(422)
  expect(
    (await api.request('/api/tasks/tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV/cancel', { method: 'POST' })).status,
  ).toBe(404)
  expect((await list()).items.length).toBe(before)
  expect(await (await api.request('/api/audit')).text()).not.toContain(secret)
})

test('says what was asked for, without what may be a secret', async () => {
  const hook = { url: 'https://hook.example/in?token=of-a-caller', events: ['task.failed' as const] }
  const { webhook } = await api.client.createWebhook(hook)
  await api.client.createKey({ name: 'scraper', scopes: ['read'] })
  await api.client.changeSettings({ perModule: { echo: 3 } })
  const task = { module: 'echo', inputs: { text: 'a secret of the caller' } }
  const every = { name: 'nightly', cron: '0 3 * * *', task }
  expect((await api.post('/api/schedules', every)).status).toBe(201)
  const { items } = await api.client.listAudit({ limit: 4 })
  expect(items.map(({ action, subject, detail }) => ({ action, subject, detail }))).toEqual([
    {
      action: 'schedule.create',
      subject: expect.stringMatching(/^sch_/),
      detail: { name: 'nightly', module: 'echo' },
    },
    { action: 'settings.change', subject: null, detail: { perModule: { echo: 3 } } },
    {
      action: 'key.create',
      subject: expect.stringMatching(/^key_/),
      detail: { name: 'scraper', scopes: ['read'] },
    },
    {
      action: 'webhook.create',
      subject: webhook.id,
      detail: { host: 'hook.example', events: ['task.failed'] },
    },
  ])
  const told = await (await api.request('/api/audit')).text()
  for (const secret of ['of-a-caller', 'secret of the caller']) expect(told).not.toContain(secret)
})

test('leaves out a detail that is too long', async () => {
  const perModule = Object.fromEntries(Array.from({ length: 500 }, (_, nth) => [`module-${nth}`, nth]))
  await api.client.changeSettings({ perModule })
  await api.client.changeSettings({
    perModule: Object.fromEntries(Object.keys(perModule).map((name) => [name, null])),
  })
  expect((await list('limit=1')).items[0]?.detail).toEqual({ truncated: true })
})

test('has one entry of a request that is sent again', async () => {
  const headers = { 'idempotency-key': 'once' }
  const create = async () =>
    (await api.post('/api/keys', { name: 'twice', scopes: ['read'] }, { headers })).json()
  const { key } = await create()
  expect(await create()).toEqual({ key, secret: null })
  expect((await list(`subject=${key.id}`)).items).toHaveLength(1)
})

test('can be asked for a time, page by page, none twice', async () => {
  const begun = new Date().toISOString()
  for (let left = 5; left > 0; left -= 1) await api.client.changeSettings({ maxRunningTasks: 10 + left })
  const all = (await list(`after=${begun}`)).items
  expect(all).toHaveLength(5)
  expect((await list(`before=${begun}`)).items.some((one) => all.some(({ id }) => id === one.id))).toBe(false)
  const seen = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await list(`after=${begun}&limit=2${cursor && `&cursor=${cursor}`}`)
    seen.push(...page.items)
    cursor = page.nextCursor
  }
  expect(seen).toEqual(all)
  for (const query of ['after=yesterday', 'key=$ne', 'before=1', 'cursor=x', 'limit=0'])
    expect((await api.request(`/api/audit?${query}`)).status, query).toBe(422)
})

test('is for admins, and no call changes it', async () => {
  const { secret } = await api.client.createKey({ name: 'curious', scopes: ['write', 'read'] })
  expect((await api.request('/api/audit', { key: secret })).status).toBe(403)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
    expect((await api.request('/api/audit', { method })).status).toBe(405)
})

/** What these create records them: its document names the key and the request. */
const toldElsewhere = [
  'POST /api/data',
  'POST /api/data/{id}/complete',
  'POST /api/data/{id}/upload',
  'POST /api/data/{id}/parts',
  'POST /api/tasks',
  'POST /api/tasks/batch',
  'POST /api/modules/{name}/run',
  'POST /api/tickets',
  'POST /api/tick',
]

test('contains every change that a caller can make', async () => {
  const Document = z.object({
    paths: z.record(z.string(), z.record(z.string(), z.object({ 'x-audit': z.string().optional() }))),
  })
  const { paths } = Document.parse(await (await api.request('/openapi.json')).json())
  const silent = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method, operation]) => method !== 'get' && !operation['x-audit'])
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  )
  expect(silent.filter((one) => one.includes(' /api/')).sort()).toEqual([...toldElsewhere].sort())
})
