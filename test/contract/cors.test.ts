import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

const allowed = 'https://app.example'
const ask = (path: string, origin: string, init: RequestInit & { key?: string | null } = {}) =>
  api.request(path, { ...init, headers: { ...init.headers, origin } })

describe('a page of an allowed origin', () => {
  test('may read answers and errors alike, without credentials', async () => {
    const answers = [
      await ask('/api/tasks', allowed),
      await ask('/nowhere', allowed),
      await ask('/api/tasks', allowed, { key: null }),
      await ask('/api/tasks', allowed, { method: 'PUT' }),
      await ask('/api/tasks', allowed, { method: 'POST', body: '{' }),
      await ask('/api/tasks?limit=0', allowed),
      await ask('/api/tasks', allowed, {
        method: 'POST',
        headers: { 'content-length': '99999999', 'content-type': 'application/json' },
        body: '{}',
      }),
    ]
    expect(answers.map((answer) => answer.status)).toEqual([200, 404, 401, 405, 400, 422, 413])
    for (const { headers } of answers) {
      expect(headers.get('access-control-allow-origin')).toBe(allowed)
      expect(headers.get('access-control-allow-credentials')).toBeNull()
      expect(headers.get('vary')).toMatch(/origin/i)
      const exposed = headers
        .get('access-control-expose-headers')
        ?.split(',')
        .map((name) => name.trim())
      expect(exposed).toEqual(['X-Request-Id', 'Retry-After', 'Idempotency-Replayed', 'Content-Disposition'])
      expect(headers.get('x-request-id')).not.toBeNull()
    }
  })

  test('learns from a preflight what it may send, without a key', async () => {
    const answer = await ask('/api/tasks', allowed, {
      method: 'OPTIONS',
      key: null,
      headers: { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe(allowed)
    const names = answer.headers
      .get('access-control-allow-headers')
      ?.split(',')
      .map((name) => name.trim())
    expect(names).toEqual([
      'Authorization',
      'Content-Type',
      'Idempotency-Key',
      'Last-Event-ID',
      'X-Request-Id',
    ])
    expect(answer.headers.get('access-control-allow-methods')).toMatch(/PATCH/)
    expect(answer.headers.get('x-request-id')).not.toBeNull()
  })
})

describe('a page of another origin', () => {
  test('gets no CORS header', async () => {
    for (const origin of ['https://app.example.evil', 'http://app.example', 'null', 'https://APP.example']) {
      const plain = await ask('/api/tasks', origin)
      expect(plain.headers.get('access-control-allow-origin'), origin).toBeNull()
      const preflight = await ask('/api/tasks', origin, { method: 'OPTIONS', key: null })
      expect(preflight.headers.get('access-control-allow-origin'), origin).toBeNull()
    }
  })
})
