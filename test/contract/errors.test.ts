import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { problemOf, refusalOf } from '../support/problem-of.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

const sized = (bytes: number) => ({ 'content-length': String(bytes), 'content-type': 'application/json' })
const unknown = '01ARZ3NDEKTSV4RRFFQ69G5FAV'

describe('a refusal is a problem document', () => {
  test('with type, title, status, code, detail, request id and every fault', async () => {
    const problem = await problemOf(
      await api.post('/api/data', { label: 7, value: 1, tags: [''], typo: true }),
    )
    expect(problem).toMatchObject({ status: 422, code: 'invalid_request', title: expect.any(String) })
    expect(problem.errors?.map((error) => error.path).sort()).toEqual(['/label', '/tags/0', '/typo'])
  })

  test('400 invalid_json when the body is not JSON', async () => {
    for (const body of ['{', '{"a":}', 'nonsense', '[1,]', '\u0000']) {
      const response = await api.request('/api/data', { method: 'POST', body })
      expect(await refusalOf(response), body).toEqual({ status: 400, code: 'invalid_json' })
    }
  })

  test('415 unsupported_media_type when the body is declared as something else, or not at all', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', '']) {
      const response = await api.request('/api/data', {
        method: 'POST',
        body: '{"label":"a","value":1}',
        headers: { 'content-type': type },
      })
      expect(await refusalOf(response), type).toEqual({ status: 415, code: 'unsupported_media_type' })
    }
  })

  test('a JSON body may say its character set or be of a JSON dialect', async () => {
    for (const type of ['application/json; charset=utf-8', 'application/vnd.thing+json']) {
      const response = await api.request('/api/data', {
        method: 'POST',
        body: '{"label":"a","value":1}',
        headers: { 'content-type': type },
      })
      expect(response.status, type).toBe(201)
    }
  })

  test('422 for a body that is JSON but no object', async () => {
    for (const body of ['[]', '1', '"text"', 'null', 'true']) {
      const response = await api.request('/api/tasks', { method: 'POST', body })
      expect(await refusalOf(response), body).toMatchObject({ status: 422, code: 'invalid_request' })
    }
  })

  test('404 not_found for unknown and for malformed ids', async () => {
    const paths = [
      `/api/data/dat_${unknown}`,
      `/api/data/dat_${unknown}/content`,
      `/api/tasks/tsk_${unknown}`,
      `/api/runs/tsk_${unknown}.1`,
      `/api/runs/tsk_${unknown}.1/logs`,
      `/api/agents/agt_${unknown}`,
      '/api/modules/nothing',
      '/api/modules/nothing/install-log',
      '/api/data/nonsense',
      '/api/data/dat_short',
      `/api/data/tsk_${unknown}`,
      '/api/data/%00',
      '/api/data/%ff',
      '/api/data/..%2f..',
      `/api/tasks/TSK_${unknown}`,
      `/api/runs/tsk_${unknown}`,
      `/api/runs/tsk_${unknown}.0`,
      `/api/runs/tsk_${unknown}.x`,
      '/api/modules/%00',
      '/api/modules/__proto__',
      '/nowhere',
      '/',
      '/api',
      '/api/data/',
    ]
    for (const path of paths)
      expect(await refusalOf(await api.request(path)), path).toEqual({ status: 404, code: 'not_found' })
  })

  test('404 for an unknown id in the path of a call that acts', async () => {
    const calls: [string, string][] = [
      ['POST', `/api/data/dat_${unknown}/complete`],
      ['POST', `/api/data/dat_${unknown}/upload`],
      ['POST', `/api/tasks/tsk_${unknown}/cancel`],
      ['DELETE', `/api/runs/tsk_${unknown}.1`],
      ['DELETE', `/api/keys/key_${unknown}`],
      ['POST', '/api/modules/nothing/run'],
    ]
    for (const [method, path] of calls)
      expect(await refusalOf(await api.request(path, { method })), path).toEqual({
        status: 404,
        code: 'not_found',
      })
  })

  test('405 method_not_allowed says in Allow what the path takes', async () => {
    const response = await api.request('/api/tasks', { method: 'DELETE' })
    expect(response.headers.get('allow')?.split(', ').sort()).toEqual(['GET', 'HEAD', 'POST'])
    expect(await refusalOf(response)).toEqual({ status: 405, code: 'method_not_allowed' })
    for (const [method, path] of [
      ['PUT', `/api/data/dat_${unknown}`],
      ['POST', '/healthz'],
      ['POST', '/openapi.json'],
      ['DELETE', '/docs'],
      ['GET', '/agent/v1/claim'],
    ] as const)
      expect((await api.request(path, { method })).status, `${method} ${path}`).toBe(405)
  })

  test('413 payload_too_large above 16 MiB, whether the length is declared or not', async () => {
    const tooLong = new Uint8Array(16 * 1024 * 1024 + 1).fill(0x20)
    const refused = { status: 413, code: 'payload_too_large' }
    const headers = { 'content-type': 'application/json' }
    const declared = { ...headers, 'content-length': String(tooLong.length) }
    expect(
      await refusalOf(await api.request('/api/data', { method: 'POST', headers: declared, body: tooLong })),
    ).toEqual(refused)
    const chunks = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < tooLong.length; at += 1 << 20)
          controller.enqueue(tooLong.subarray(at, at + (1 << 20)))
        controller.close()
      },
    })
    const init = { method: 'POST', headers, body: chunks, duplex: 'half' }
    expect(await refusalOf(await api.request('/api/data', init))).toEqual(refused)
  })

  test('413 above what the request has any use for', async () => {
    const KiB = 1024
    const limits: [string, string, number][] = [
      ['POST', '/api/keys', 64 * KiB],
      ['PATCH', '/api/settings', 64 * KiB],
      ['POST', '/api/grants', 64 * KiB],
      ['POST', '/api/tickets', 64 * KiB],
      ['POST', `/api/data/dat_${unknown}/complete`, 64 * KiB],
      ['POST', '/api/data', 1536 * KiB],
      ['POST', '/api/tasks', 1536 * KiB],
      ['POST', '/api/schedules', 1536 * KiB],
      ['POST', '/api/tasks/cancel', 1536 * KiB],
      ['POST', '/api/dead-letters/replay', 1536 * KiB],
      ['PUT', '/agent/v1/modules', 16 * KiB * KiB],
      ['POST', `/agent/v1/runs/tsk_${unknown}.1/logs`, 16 * KiB * KiB],
      ['POST', '/agent/v1/modules/none/install-log', 16 * KiB * KiB],
      ['POST', '/api/tasks/batch', 16 * KiB * KiB],
      ['POST', `/agent/v1/runs/tsk_${unknown}.1/finish`, 16 * KiB * KiB],
    ]
    for (const [method, path, bytes] of limits) {
      const refused = await api.request(path, {
        method,
        body: ' '.repeat(bytes + 1),
        headers: sized(bytes + 1),
      })
      expect(await refusalOf(refused), path).toEqual({ status: 413, code: 'payload_too_large' })
      const taken = await api.request(path, {
        method,
        body: `{"x":1${' '.repeat(bytes - 7)}}`,
        headers: sized(bytes),
      })
      expect([404, 422], path).toContain(taken.status)
    }
  })

  test('422 invalid_request for bad limits, cursors, waits and filters, with the parameter', async () => {
    const bad: [string, string[]][] = [
      ['/api/tasks?limit=0', ['/limit']],
      ['/api/tasks?limit=201', ['/limit']],
      ['/api/tasks?limit=2.5', ['/limit']],
      ['/api/tasks?limit=many&cursor=%20', ['/limit']],
      ['/api/tasks?cursor=nonsense', ['/cursor']],
      ['/api/tasks?cursor=', ['/cursor']],
      [`/api/tasks?cursor=${Buffer.from(`dat_${unknown}`).toString('base64url')}`, ['/cursor']],
      [`/api/data?cursor=${Buffer.from('dat_{"$gt":""}').toString('base64url')}`, ['/cursor']],
      ['/api/tasks?status=running,gone', ['/status/1']],
      ['/api/tasks?createdAfter=yesterday&createdBefore=now', ['/createdAfter', '/createdBefore']],
      ['/api/data?type=picture&producer=me', ['/producer', '/type']],
      [`/api/data?label=${'x'.repeat(201)}`, ['/label']],
      ['/api/runs?agent=me&task=it', ['/agent', '/task']],
      ['/api/modules?status=GOOD', ['/status']],
      [`/api/tasks/tsk_${unknown}?wait=61`, ['/wait']],
      [`/api/tasks/tsk_${unknown}?wait=-1`, ['/wait']],
    ]
    for (const [path, paths] of bad)
      expect(await refusalOf(await api.request(path)), path).toEqual({
        status: 422,
        code: 'invalid_request',
        paths,
      })
  })
})

describe('a refusal stays short', () => {
  const names = (count: number, name: (n: number) => string) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [name(n), 1]))
  test.each([
    ['unknown names', '/api/data', { label: 'a', value: 1, ...names(5_000, (n) => `k${n}`) }],
    [
      'long unknown names',
      '/api/data',
      { label: 'a', value: 1, ...names(100, (n) => `${n}${'\u0000'.repeat(2_000)}`) },
    ],
    ['wrong elements', '/api/keys', { name: 'a', scopes: Array.from({ length: 9_000 }, () => 1) }],
    [
      'wrong tasks',
      '/api/tasks/batch',
      { tasks: Array.from({ length: 9_000 }, () => ({ ref: 'a', module: 'none' })) },
    ],
    ['names of outputs', '/api/tasks', { module: 'a', outputs: names(5_000, (n) => `o${n}`) }],
    ['tags', '/api/data', { label: 'a', value: 1, tags: Array.from({ length: 300_000 }, () => 1) }],
  ])('with any number of %s', async (_, path, body) => {
    const response = await api.post(path, body)
    const text = await response.clone().text()
    expect(text.length).toBeLessThan(64 * 1024)
    const problem = await problemOf(response)
    expect(problem).toMatchObject({ status: 422, code: 'invalid_request' })
    expect(problem.errors?.length).toBeGreaterThan(0)
    expect(problem.errors?.length).toBeLessThanOrEqual(100)
    expect(JSON.stringify(problem.detail).length).toBeLessThanOrEqual(4 * 1024)
  })

  test('with a path as long as a server takes', async () => {
    const response = await api.request(`/api/${'x'.repeat(15_000)}`)
    expect((await response.text()).length).toBeLessThan(8 * 1024)
  })
})

describe('every answer carries X-Request-Id', () => {
  test("the caller's own, when it may go into a log", async () => {
    const response = await api.request('/api/tasks', { headers: { 'x-request-id': 'my.id-1:2_3' } })
    expect(response.headers.get('x-request-id')).toBe('my.id-1:2_3')
  })

  test('a generated one, if the request has none or a malformed one', async () => {
    for (const given of [undefined, 'a b', '{"x":1}', 'ü', 'x'.repeat(129)]) {
      const headers: Record<string, string> = given === undefined ? {} : { 'x-request-id': given }
      for (const path of ['/healthz', '/nowhere', '/api/tasks?limit=0'])
        expect((await api.request(path, { headers })).headers.get('x-request-id')).toMatch(
          /^req_[0-9A-Z]{26}$/,
        )
    }
  })
})
