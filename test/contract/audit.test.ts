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

/** These are told by what they make: its document names the key and the request. */
const toldElsewhere = [
  'POST /api/data',
  'POST /api/data/{id}/complete',
  'POST /api/data/{id}/upload',
  'POST /api/data/{id}/parts',
  'POST /api/tasks',
  'POST /api/tasks/batch',
  'POST /api/modules/{id}/run',
  'POST /api/tickets',
  'POST /api/tick',
]

test('leaves out no change that somebody can make', async () => {
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
