import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { problemOf } from '../support/problem-of.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

const Parameter = z.object({ name: z.string(), in: z.enum(['path', 'query', 'header']), schema: z.unknown() })
const Operation = z.object({
  operationId: z.string(),
  summary: z.string().min(5),
  parameters: z.array(Parameter),
  responses: z.record(z.string().regex(/^(\d{3}|4XX|default)$/), z.object({ description: z.string() })),
})
const Document = z.object({
  openapi: z.literal('3.1.0'),
  info: z.object({ title: z.string(), version: z.string() }),
  paths: z.record(
    z.string().startsWith('/'),
    z.record(z.enum(['get', 'post', 'put', 'patch', 'delete']).or(z.string()), Operation),
  ),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
})

const read = async () => (await api.request('/openapi.json', { key: null })).json()

describe('/openapi.json', () => {
  test('is OpenAPI 3.1 whose path parameters are declared and whose operation ids are unique', async () => {
    const { paths } = Document.parse(await read())
    const ids: string[] = []
    for (const [path, methods] of Object.entries(paths)) {
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
      for (const operation of Object.values(methods)) {
        const declared = operation.parameters.filter((one) => one.in === 'path').map((one) => one.name)
        expect(declared, path).toEqual(wanted)
        ids.push(operation.operationId)
      }
    }
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('has no reference that leads nowhere', async () => {
    const document: unknown = await read()
    const text = JSON.stringify(document)
    for (const [, ref = ''] of text.matchAll(/"\$ref":"([^"]+)"/g)) {
      const found = ref
        .slice(2)
        .split('/')
        .reduce<unknown>((at, key) => z.record(z.string(), z.unknown()).parse(at)[key], document)
      expect(found, ref).toBeDefined()
    }
    expect(text).not.toContain('$defs')
  })

  test('lists what the contract has', async () => {
    const { paths } = Document.parse(await read())
    const listed = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    )
    expect(listed).toEqual(
      expect.arrayContaining([
        'post /api/data',
        'get /api/data/{id}/content',
        'post /api/data/{id}/complete',
        'post /api/data/{id}/upload',
        'patch /api/data/{id}',
        'delete /api/data/{id}',
        'get /api/data/{id}/lineage',
        'post /api/tasks',
        'get /api/tasks/{id}',
        'post /api/tasks/{id}/cancel',
        'post /api/modules/{name}/run',
        'get /api/runs/{id}/logs',
        'delete /api/runs/{id}',
        'patch /api/settings',
        'get /api/summary',
        'post /api/modules/scan',
        'post /agent/v1/claim',
        'post /agent/v1/runs/{id}/finish',
        'post /api/tick',
      ]),
    )
  })
})

describe('without a key', () => {
  test('/docs shows every endpoint', async () => {
    const response = await api.request('/docs', { key: null })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/text\/html/)
    const page = await response.text()
    for (const path of Object.keys(Document.parse(await read()).paths)) expect(page).toContain(path)
  })

  test('/healthz says the process is alive, /readyz what it reaches', async () => {
    expect((await api.request('/healthz', { key: null })).status).toBe(200)
    const ready = await api.request('/readyz', { key: null })
    expect(ready.status).toBe(200)
    expect(await ready.json()).toEqual({ mongodb: 'ok', nats: 'ok', s3: 'ok', s3Safety: 'checking' })
  })

  test('HEAD answers as GET does, without a body', async () => {
    for (const path of ['/healthz', '/api/tasks', '/openapi.json']) {
      const [get, head] = [await api.request(path), await api.request(path, { method: 'HEAD' })]
      expect(head.status, path).toBe(get.status)
      expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'))
      expect(await head.text()).toBe('')
    }
  })
})

describe('/metrics', () => {
  test('is Prometheus text for keys that may read', async () => {
    expect((await problemOf(await api.request('/metrics', { key: null }))).status).toBe(401)
    const { secret } = await api.client.createKey({ name: 'scrape', scopes: ['read'] })
    const response = await api.request('/metrics', { key: secret })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/)
    expect(await response.text()).toMatch(/^millrace_tasks\{status="queued"\} \d+$/m)
  })

  test('does not grow with paths that strangers make up', async () => {
    for (const method of ['OPTIONS', 'PUT', 'GET'])
      for (const path of ['/made/up', '/api/tasks/madeup', '/api/data/madeup/content'])
        await api.request(path, { method, key: null })
    expect(await (await api.request('/metrics')).text()).not.toMatch(/made\/?up/)
  })
})
