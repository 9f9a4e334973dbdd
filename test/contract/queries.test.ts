import { tick } from '@millrace/api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { isServed, recordingQueries, type Shape } from '../support/query-shapes.ts'
import { availableModule, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { announce, bytesOf, put, sha256Of } from '../support/upload-by-hand.ts'

const shapes = new Map<string, Shape>()
const clock = shiftedClock()
const nowhere = { allowPrivate: false, resolve: async () => [] }
let api: TestApi

beforeAll(async () => {
  api = await openApi((deps) => recordingQueries(shapes)({ ...deps, clock, webhooks: nowhere }))
  await workThroughALife()
  await listEverything()
})
afterAll(() => api.close())

/** These have as many documents as an installation has machines, modules, limits or keys. */
const small = ['agents', 'modules', 'slots', 'keys', 'grants', 'meta']

async function workThroughALife(): Promise<void> {
  const agent = await scriptedAgent(api)
  const text = { key: 'text', type: 'text', required: false }
  const echo = availableModule({ name: 'echo', inputs: [text], outputs: [{ key: 'said', type: 'text' }] })
  await agent.has([echo])
  const bytes = bytesOf('bytes')
  const file = { size: bytes.byteLength, sha256: sha256Of(bytes) }
  for (let round = 0; round < 2; round += 1) {
    const response = await api.post('/api/data', { label: 'b', file: { name: 'b', ...file } })
    const { data, upload } = await response.json()
    if (upload) await put(upload, bytes)
    await api.request(`/api/data/${data.id}/complete`, { method: 'POST' })
  }
  const { data: late } = await announce(api, {})
  const { webhook } = await api.client.createWebhook({ url: 'https://hook.example/' })
  const first = await api.client.createTask({ module: 'echo', concurrencyKey: 'k' })
  const upstream = { task: first.id, output: 'said' }
  expect((await api.post('/api/tasks', { module: 'echo', inputs: { text: upstream } })).status).toBe(201)
  await api.client.createTask({ module: 'echo', after: [first.id], concurrencyKey: 'k' })
  await api.client.createTask({ module: 'echo', notBefore: new Date(Date.now() + 10_000).toISOString() })
  const granted = await agent.claim([echo])
  if (!granted) throw new Error('nothing was granted')
  await agent.finish(granted.run, { outcome: 'succeeded', result: { said: { value: 'a' } } })
  await api.client.createTasks([
    { ref: 'a', module: 'echo' },
    { ref: 'b', module: 'echo', after: ['a'], tags: ['t'] },
  ])
  await api.client.cancelTasks({ module: 'echo', status: 'queued' })
  await api.client.retryTask((await api.client.listTasks({ tag: 't' })).items[0]?.id ?? 'tsk_')
  await api.client.cancelTasks({ tag: 't', createdAfter: '2026-01-01T00:00:00Z' })
  await api.client.replayDeadLetters({ all: true })
  await api.client.listDeliveries(webhook.id, { limit: 1 })
  await api.client.lineage(first.outputs.said?.data ?? 'dat_')
  await api.client.deleteData(late.id)
  await api.client.changeSettings({ retentionDays: { runs: 3, logs: 1, tasks: 4, uploads: 1, outputs: 1 } })
  for (let days = 0; days < 6; days += 1) {
    await tick(api.deps)
    clock.forward(25 * 3600)
  }
}

async function listEverything(): Promise<void> {
  const time = '2026-01-01T00:00:00Z'
  const id = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
  const filters = {
    data: ['status=available', 'type=json', 'label=a', 'tag=t', `producer=tsk_${id}`, `grant=grt_${id}`],
    tasks: [
      ...['status=planned', 'status=running', 'module=echo', 'tag=t', 'label=a', `grant=grt_${id}`],
      ...[`createdAfter=${time}`, `createdBefore=${time}`],
    ],
    runs: [
      ...['status=queued', 'module=echo', `agent=agt_${id}`, `task=tsk_${id}`],
      ...[`startedAfter=${time}`, `startedBefore=${time}`],
    ],
    modules: ['status=AVAILABLE', 'accepts=text'],
    'dead-letters': ['module=echo', 'tag=t'],
    schedules: [''],
    webhooks: [''],
    'webhooks/whk_00000000000000000000000000/deliveries': [''],
    audit: ['action=a', `key=key_${id}`, 'subject=a', `after=${time}`, `before=${time}&action=a`],
    agents: [''],
    keys: [''],
    grants: [''],
  }
  for (const [list, queries] of Object.entries(filters)) {
    for (const query of ['', ...queries]) {
      const response = await api.request(`/api/${list}?limit=1&${query}`)
      expect(response.status, `${list}?${query}`).toBe(200)
      const { nextCursor } = await response.json()
      if (nextCursor) await api.request(`/api/${list}?limit=1&${query}&cursor=${nextCursor}`)
    }
  }
}

test('every search that grows with use has an index that it can begin with', () => {
  const large = [...shapes.values()].filter((shape) => !small.includes(shape.collection))
  expect(new Set(large.map((shape) => shape.collection))).toEqual(
    new Set([
      ...['tasks', 'runs', 'queue', 'data', 'tickets', 'batches', 'bulkJobs', 'schedules', 'idempotency'],
      ...['sessions', 'deliveries', 'webhooks', 'audit'],
    ]),
  )
  expect(large.length).toBeGreaterThan(30)
  expect(large.filter((shape) => !isServed(shape))).toEqual([])
})

describe('an index serves', () => {
  const shape = (more: Partial<Shape>): Shape => ({
    collection: 'tasks',
    equal: [],
    range: [],
    sort: [],
    ...more,
  })

  test.each([
    [true, 'a list by one field', shape({ equal: ['status'], sort: [['_id', -1]] })],
    [true, 'the plain list', shape({ sort: [['_id', -1]] })],
    [true, 'the plain list from a cursor on', shape({ range: ['_id'], sort: [['_id', -1]] })],
    [true, 'a range', shape({ range: ['createdAt'], sort: [['_id', -1]] })],
    [false, 'no field that it does not begin with', shape({ equal: ['error'], sort: [['_id', -1]] })],
    [false, 'no order that it does not have', shape({ sort: [['startedAt', -1]] })],
    [false, 'no range without its field', shape({ range: ['startedAt'] })],
    [
      false,
      'no condition by walking along the ids',
      shape({ equal: ['claimId'], range: ['_id'], sort: [['_id', 1]] }),
    ],
  ])('%s: %s', (served, _what, one) => {
    expect(isServed(one)).toBe(served)
  })
})
