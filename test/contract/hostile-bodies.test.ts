import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { problemOf } from '../support/problem-of.ts'
import { echo, scriptedAgent } from '../support/scripted-agent.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
  await (await scriptedAgent(api)).has([echo])
})
afterAll(() => api.close())

const post = (path: string, body: string) => api.request(path, { method: 'POST', body })
const oddKeys = ['__proto__', 'constructor', '$where', '$set', 'a.b', '', 'a\u0000b', '💧']

describe('a value', () => {
  test('of any key comes back as it went in', async () => {
    for (const key of oddKeys) {
      const body = `{"label":"odd","value":{${JSON.stringify(key)}:{"x":[1]}}}`
      const response = await post('/api/data', body)
      expect(response.status, key).toBe(201)
      const { data } = await response.json()
      const content = await (await api.request(`/api/data/${data.id}/content`)).text()
      expect(content).toBe(`{${JSON.stringify(key)}:{"x":[1]}}`)
    }
  })

  test('with NUL and whole surrogate pairs comes back as it went in', async () => {
    const value = { text: 'a\ud83d\ude00b \u0000 c', list: ['\\ud800'] }
    const { data } = await (await api.post('/api/data', { label: 'odd', value })).json()
    expect((await api.client.data(data.id)).value).toEqual(value)
  })

  test('nested a hundred levels deep is kept, 10,000 levels are refused', async () => {
    const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
    expect((await post('/api/data', `{"label":"deep","value":${nested(98)}}`)).status).toBe(201)
    for (const levels of [10_000, 100_000]) {
      const bodies: [string, string][] = [
        ['/api/data', `{"label":"deep","value":${nested(levels)}}`],
        ['/api/tasks', `{"module":"echo","inputs":{"text":${nested(levels)}}}`],
        ['/api/tasks', nested(levels)],
        ['/api/data', `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`],
      ]
      for (const [path, body] of bodies) expect((await post(path, body)).status).toBe(422)
    }
  })

  test('that would change is refused with its place, wherever it stands; digits that stay are kept', async () => {
    const places: [string, (number: string) => string, string][] = [
      ['/api/data', (number) => `{"label":"big","value":${number}}`, '/value'],
      ['/api/data', (number) => `{"label":"big","value":[{"a/b":[${number}]}]}`, '/value/0/a~1b/0'],
      [
        '/api/tasks',
        (number) => `{"module":"echo","inputs":{"text":{"value":${number}}}}`,
        '/inputs/text/value',
      ],
      [
        '/api/tasks/batch',
        (number) => `{"tasks":[{"module":"echo","inputs":{"text":${number}}}]}`,
        '/tasks/0/inputs/text',
      ],
      ['/api/schedules', (number) => `{"task":{"inputs":{"text":${number}}}}`, '/task/inputs/text'],
      ['/api/modules/echo/run', (number) => `{"inputs":{"text":${number}}}`, '/inputs/text'],
    ]
    for (const [path, body, at] of places)
      for (const number of ['9007199254740993', '-653247040368672769', '18446744073709551615', '1e400']) {
        const answer = await problemOf(await post(path, body(number)))
        expect(answer, `${path} ${number}`).toMatchObject({ status: 422, errors: [{ path: at }] })
        expect(answer.detail).toContain(`${at}: ${number} `)
        expect(answer.detail).toContain('write it as a string')
      }
    for (const number of ['9007199254740992', '-9007199254740991', '100000000000000000000']) {
      const made = await post('/api/data', `{"label":"big","value":{"id":${number}}}`)
      const { data } = await made.json()
      expect(await (await api.request(`/api/data/${data.id}/content`)).text()).toBe(`{"id":${number}}`)
    }
  })

  test('that differs in the last digit is never taken for a repetition', async () => {
    const headers = { 'idempotency-key': 'last-digit' }
    const send = (number: string) =>
      api.request('/api/data', { method: 'POST', headers, body: `{"label":"id","value":${number}}` })
    expect((await send('9007199254740993')).status).toBe(422)
    expect((await send('9007199254740992')).status).toBe(201)
    expect((await send('9007199254740993')).status).toBe(422)
  })
})

describe('half a surrogate pair', () => {
  test.each([
    ['/api/data', { label: 'a', value: { list: [1, 'a\ud800'] } }, '/value/list/1'],
    ['/api/data', { label: 'a', value: { 'b/\udfff': 1 } }, '/value/b~1\ufffd'],
    ['/api/data', { label: '\ud800', value: 1 }, '/label'],
    ['/api/data', { label: 'a', value: 1, tags: ['\udc00\ud800'] }, '/tags/0'],
    ['/api/tasks', { module: 'echo', inputs: { text: '\ud83d' } }, '/inputs/text'],
    ['/api/tasks', { module: 'echo', inputs: { text: 'a' }, label: '\ud83d' }, '/label'],
    [
      '/api/tasks/batch',
      { tasks: [{ ref: 'a', module: 'echo', inputs: { text: '\ud83d' } }] },
      '/tasks/0/inputs/text',
    ],
  ])('in a body for %s is refused with its place', async (path, body, place) => {
    const response = await api.post(path, body)
    expect(response.status).toBe(422)
    expect(await response.json()).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringContaining(
        `${place}: has half a surrogate pair, which is no character: send whole`,
      ),
    })
  })

  test('and bytes that are not UTF-8 are refused as a body', async () => {
    const body = Buffer.from('{"label":"Gr\xf6\xdfe","value":1}', 'latin1')
    const response = await api.request('/api/data', { method: 'POST', body })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      code: 'invalid_json',
      detail: expect.stringContaining('UTF-8'),
    })
  })
})

describe('never a 500', () => {
  test('for odd keys anywhere in a task', async () => {
    for (const key of oddKeys) {
      const name = JSON.stringify(key)
      const bodies = [
        `{"module":"echo","inputs":{${name}:1}}`,
        `{"module":"echo","inputs":{"text":"a"},${name}:1}`,
      ]
      for (const body of bodies) expect((await post('/api/tasks', body)).status, body).toBe(422)
      const outputs = await post('/api/tasks', `{"module":"echo","outputs":{${name}:{}}}`)
      expect(outputs.status, name).toBe(key === '__proto__' ? 201 : 422) // that one is left out by the parser
    }
  })

  test('for odd text in labels, tags, modules and keys', async () => {
    for (const text of ['\u0000', '$where', '💧', '\u202e', '../..', ' ']) {
      const data = await api.post('/api/data', { label: text, value: text, tags: [text] })
      expect(data.status, JSON.stringify(text)).toBe(201)
      const task = await api.post('/api/tasks', {
        module: 'echo',
        inputs: { text },
        label: text,
        tags: [text],
        concurrencyKey: text,
        outputs: { said: { label: text } },
      })
      expect(task.status, JSON.stringify(text)).toBe(201)
      expect((await api.post('/api/tasks', { module: text })).status).toBe(422)
      expect((await api.post('/api/tasks', { module: 'echo', version: text })).status).toBe(422)
    }
  })

  test('for odd text in filters', async () => {
    for (const text of [
      '%00',
      '%ff',
      '%ed%a0%80',
      '.*',
      '(',
      '[',
      '\\',
      '%5C',
      '$',
      '%F0%9F%92%A7',
      '+',
      '%',
    ]) {
      for (const list of ['data', 'tasks'])
        for (const filter of ['label', 'tag'])
          expect((await api.request(`/api/${list}?${filter}=${text}`)).status, `${filter} ${text}`).toBe(200)
    }
  })

  test('for odd settings, keys and agent messages', async () => {
    const patch = (body: string) => api.request('/api/settings', { method: 'PATCH', body })
    for (const body of [
      '{"perModule":{"__proto__":1}}',
      '{"perModule":{"A b":1}}',
      '{"maxRunningTasks":-1}',
      '{"maxRunningTasks":1.5}',
      '{"retentionDays":{"runs":0}}',
      '{"unknown":1}',
    ])
      expect([200, 422], body).toContain((await patch(body)).status)
    expect((await patch('{"perModule":{"constructor":null}}')).status).toBeLessThan(500)
    for (const path of ['register', 'heartbeat', 'claim', 'runs/x/finish', 'runs/x/outputs', 'runs/x/logs'])
      for (const body of ['{}', '[]', '{"sessionId":{"$ne":null}}', '{"sessionId":"ses_"}'])
        expect((await post(`/agent/v1/${path}`, body)).status, `${path} ${body}`).toBe(422)
  })
})
