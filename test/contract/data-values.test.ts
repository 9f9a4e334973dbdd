import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

describe('an inline value', () => {
  test('is available at once and comes back exactly, with the type derived from it', async () => {
    const values: [unknown, string][] = [
      ['plain', 'text'],
      ['', 'text'],
      ['čeština 日本語 👩‍👩‍👧 \u0000 \u2028 "quoted" \\', 'text'],
      [0, 'number'],
      [-1.5, 'number'],
      [9_007_199_254_740_991, 'number'],
      [1.7976931348623157e308, 'number'],
      [5e-324, 'number'],
      [true, 'boolean'],
      [false, 'boolean'],
      [null, 'json'],
      [[], 'json'],
      [{}, 'json'],
      [[1, [2, [3, { a: [] }]]], 'json'],
      [{ $set: { 'a.b': 1 }, '': null, $oid: 'x', 'x\u0000y': { $gt: '' }, _id: 1 }, 'json'],
      [{ data: 'dat_x', value: 1, task: null }, 'json'],
    ]
    for (const [value, type] of values) {
      const response = await api.post('/api/data', { label: 'a value', value })
      expect(response.status).toBe(201)
      const { data, upload } = await response.json()
      expect(upload).toBeNull()
      const item = await api.client.data(data.id)
      expect(item).toEqual(data)
      expect(item).toMatchObject({ type, isFile: false, status: 'available', producer: null, value })
      expect(item).toMatchObject({ tags: [], expiresAt: null, label: 'a value' })
      expect(item.size).toBe(Buffer.byteLength(JSON.stringify(value)))
    }
  })

  test('keeps label, type, tags and expiry as they were given', async () => {
    const given = {
      label: 'ä'.repeat(200),
      value: { a: 1 },
      type: 'text',
      tags: Array.from({ length: 20 }, (_, at) => `${at}`.padEnd(64, 'x')),
      expiresAt: '2030-01-02T03:04:05.678Z',
    }
    const { data } = await (await api.post('/api/data', given)).json()
    expect(data).toMatchObject(given)
  })

  test('may be escaped, as libraries of Python do it, and counts as the characters that it means', async () => {
    const send = (characters: number) => {
      const body = `{"label":"escaped","value":"${'\\u0416'.repeat(characters)}"}`
      const headers = { 'content-type': 'application/json', 'content-length': String(body.length) }
      return api.request('/api/data', { method: 'POST', body, headers })
    }
    const { data } = await (await send(500_000)).json()
    expect(data).toMatchObject({ size: 1_000_002 })
    expect((await send(600_000)).status).toBe(413)
    expect((await send(1_400_000)).status).toBe(413)
  })

  test('may have 1 MiB of JSON; a byte more is 413', async () => {
    const most = 'x'.repeat(1024 * 1024 - 2)
    expect((await api.post('/api/data', { label: 'most', value: most })).status).toBe(201)
    expect(await refusalOf(await api.post('/api/data', { label: 'more', value: `${most}x` }))).toEqual({
      status: 413,
      code: 'payload_too_large',
    })
    // Bytes count, not characters.
    expect((await api.post('/api/data', { label: 'wide', value: '水'.repeat(350_000) })).status).toBe(413)
  })
})

describe('422 invalid_request', () => {
  const refusals: [string, unknown, string[]][] = [
    ['neither a value nor a file', { label: 'a' }, ['/value']],
    ['both a value and a file', { label: 'a', value: 1, file: { name: 'a', size: 1 } }, ['/file']],
    ['no label', { value: 1 }, ['/label']],
    ['a label of more than 200 characters', { label: 'x'.repeat(201), value: 1 }, ['/label']],
    ['21 tags', { label: 'a', value: 1, tags: Array(21).fill('t') }, ['/tags']],
    ['a tag of 65 characters', { label: 'a', value: 1, tags: ['x'.repeat(65)] }, ['/tags/0']],
    ['an unknown type', { label: 'a', value: 1, type: 'picture' }, ['/type']],
    ['an expiry that is no time', { label: 'a', value: 1, expiresAt: 'soon' }, ['/expiresAt']],
    [
      'a file of no size, with a bad type and checksum',
      { label: 'a', file: { name: '', contentType: 'png', sha256: 'abc' } },
      ['/file/contentType', '/file/name', '/file/sha256', '/file/size'],
    ],
    ['a file of negative size', { label: 'a', file: { name: 'a', size: -1 } }, ['/file/size']],
  ]
  for (const [what, body, paths] of refusals) {
    test(`for ${what}`, async () => {
      const before = await api.deps.store.data.find({}, { limit: 1000 })
      expect(await refusalOf(await api.post('/api/data', body))).toEqual({
        status: 422,
        code: 'invalid_request',
        paths,
      })
      expect(await api.deps.store.data.find({}, { limit: 1000 })).toHaveLength(before.length)
    })
  }
})
