import { TaskAnswer } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { makeGrant } from '../support/page-with-grant.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, scriptedAgent } from '../support/scripted-agent.ts'
import { announce, bytesOf, sha256Of } from '../support/upload-by-hand.ts'

let api: TestApi
const text = { key: 'text', type: 'text', required: false }
const outputs = [{ key: 'said', type: 'text' }]
beforeAll(async () => {
  api = await openApi()
  const agent = await scriptedAgent(api)
  await agent.has(['echo', 'other'].map((name) => availableModule({ name, inputs: [text], outputs })))
})
afterAll(() => api.close())

describe('422 with the place', () => {
  test.each([
    ['/file/size', { name: 'a', size: 1001, contentType: 'image/png' }],
    ['/file/contentType', { name: 'a', size: 10, contentType: 'text/html' }],
    ['/file/contentType', { name: 'a', size: 10, contentType: 'image/pngx' }],
    ['/file/contentType', { name: 'a', size: 10 }],
  ])('%s of an upload', async (path, file) => {
    const { page } = await makeGrant(api, { contentTypes: ['image/png', 'Audio/*'] })
    const refused = await refusalOf(await page.post('/api/data', { label: 'a', file }))
    expect(refused).toMatchObject({ status: 422, paths: [path] })
  })

  test('but what the list names goes', async () => {
    const { page } = await makeGrant(api, { contentTypes: ['image/png', 'Audio/*', 'text/plain'] })
    for (const contentType of ['audio/wav', 'IMAGE/PNG', 'text/plain; charset=utf-8']) {
      const file = { name: 'a', size: 10, contentType }
      expect((await page.post('/api/data', { label: 'a', file })).status).toBe(201)
    }
  })

  test.each([
    ['version', '1.0.0'],
    ['priority', 'high'],
    ['after', []],
    ['onUpstreamFailure', 'run'],
    ['maxAttempts', 1],
    ['backoff', {}],
    ['timeoutSeconds', 5],
    ['notBefore', '2030-01-01T00:00:00Z'],
    ['concurrencyKey', 'k'],
    ['concurrencyLimit', 1],
    ['webhook', { url: 'https://example.com' }],
    ['tags', []],
  ])('%s of a task', async (field, value) => {
    const { page } = await makeGrant(api)
    const refused = await refusalOf(await page.post('/api/tasks', { module: 'echo', [field]: value }))
    expect(refused).toMatchObject({ status: 422, paths: [`/${field}`] })
  })

  test('a module that the grant does not name, whether it exists or not', async () => {
    const { page } = await makeGrant(api)
    for (const module of ['other', 'no-such']) {
      const refused = await refusalOf(await page.post('/api/tasks', { module, inputs: {} }))
      expect(refused).toMatchObject({ status: 422, paths: ['/module'] })
    }
  })
})

describe('what was not created under the grant is invisible', () => {
  test('items, uploads and tasks of others: 404 by id, unknown as an input', async () => {
    const mine = await makeGrant(api)
    const another = await makeGrant(api)
    const theirs = await another.page.upload('theirs')
    const owners = await api.client.createValue({ label: 'of the owner', value: 'secret' })
    const { data: uploading } = await announce(api, {})
    const made = await another.page.post('/api/tasks', { module: 'echo', inputs: { text: 'a' } })
    const { task } = TaskAnswer.parse(await made.json())
    const { get, post } = mine.page

    for (const id of [theirs.id, owners.id, uploading.id, task.outputs.said?.data]) {
      for (const path of [`/api/data/${id}`, `/api/data/${id}/content`, `/api/data/${id}/parts`])
        expect((await get(path)).status, path).toBe(404)
      for (const path of [`/api/data/${id}/complete`, `/api/data/${id}/upload`])
        expect((await post(path)).status, path).toBe(404)
      const asInput = await refusalOf(
        await post('/api/tasks', { module: 'echo', inputs: { text: { data: id } } }),
      )
      expect(asInput).toMatchObject({ status: 422, paths: ['/inputs/text/data'] })
    }
    expect((await get(`/api/tasks/${task.id}`)).status).toBe(404)
    const output = { task: task.id, output: 'said' }
    const asInput = await refusalOf(await post('/api/tasks', { module: 'echo', inputs: { text: output } }))
    expect(asInput).toMatchObject({ status: 422, paths: ['/inputs/text/task'] })
    for (const list of [`/api/data?grant=${another.grant.id}`, '/api/data', '/api/tasks'])
      expect((await (await get(list)).json()).items, list).toEqual([])
  })

  test('bytes that others have sent are sent again, in both directions', async () => {
    const one = await makeGrant(api, { maxUploads: 5 })
    const two = await makeGrant(api)
    const content = 'the same bytes for all'
    const sum = { sha256: sha256Of(bytesOf(content)) }
    expect((await one.page.upload(content, sum)).upload).not.toBeNull()
    expect((await two.page.upload(content, sum)).upload).not.toBeNull()
    expect((await one.page.upload(content, sum)).upload).toBeNull()
    const size = bytesOf(content).byteLength
    expect((await announce(api, { size, ...sum })).upload.url).toContain('incoming/')
  })

  test('the same Idempotency-Key in two grants is two requests', async () => {
    const same = { 'idempotency-key': 'k' }
    const ids = await Promise.all(
      [await makeGrant(api), await makeGrant(api)].map(async ({ page }) => {
        const answer = await page.post('/api/data', { label: 'v', value: 1 }, same)
        return (await answer.json()).data.id
      }),
    )
    expect(new Set(ids).size).toBe(2)
  })
})

test('every other endpoint is closed: 403', async () => {
  const { token } = await makeGrant(api)
  const open = [
    'POST /api/data',
    'GET /api/data',
    'GET /api/data/{id}',
    'GET /api/data/{id}/content',
    'GET /api/data/{id}/parts',
    'POST /api/data/{id}/parts',
    'POST /api/data/{id}/complete',
    'POST /api/data/{id}/upload',
    'POST /api/tasks',
    'GET /api/tasks',
    'GET /api/tasks/{id}',
    'GET /api/tasks/{id}/events',
    'POST /api/tickets',
  ]
  const Document = z.object({
    paths: z.record(z.string(), z.record(z.string(), z.object({ description: z.string() }))),
  })
  const { paths } = Document.parse(await (await api.request('/openapi.json')).json())
  const tried: string[] = []
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { description }] of Object.entries(methods)) {
      if (!/`(read|write|agent|admin)`/.test(description)) continue // needs no key at all
      const name = `${method.toUpperCase()} ${path}`
      const response = await api.request(path.replaceAll(/\{\w+\}/g, 'none'), {
        method: method.toUpperCase(),
        key: token,
      })
      if (open.includes(name)) expect(response.status, name).not.toBe(403)
      else expect(await refusalOf(response), name).toEqual({ status: 403, code: 'forbidden' })
      tried.push(name)
    }
  }
  expect(tried).toEqual(expect.arrayContaining(open))
  expect(tried.length).toBeGreaterThan(open.length + 20)
})
