import { tick } from '@millrace/api'
import { type Db, MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { explain, faultOf, multiply, type Query, recordingQueries } from '../support/explain-queries.ts'
import { availableModule, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { announce, bytesOf, put, sha256Of } from '../support/upload-by-hand.ts'

const queries = new Map<string, Query>()
const clock = shiftedClock()
const nowhere = { allowPrivate: false, resolve: async () => [] }
let api: TestApi
let mongo: MongoClient
let db: Db

beforeAll(async () => {
  api = await openApi((deps) => recordingQueries(queries)({ ...deps, clock, webhooks: nowhere }))
  mongo = new MongoClient(api.env.MONGODB_URL ?? '')
  db = mongo.db()
  const agent = await scriptedAgent(api)
  await agent.has([echo])
  await useEverything(agent)
  await letDaysPass()
  const later = await scriptedAgent(api)
  await later.has([echo])
  await useEverything(later)
  await api.client.createTask({ module: 'echo' })
  await listEverything()
})
afterAll(async () => {
  await mongo.close()
  await api.close()
})

/** The others have as many documents as an installation has machines, modules, limits or keys. */
const growing = [
  ...['tasks', 'runs', 'data', 'tickets', 'batches', 'bulkJobs', 'schedules', 'idempotency'],
  ...['sessions', 'deliveries', 'webhooks', 'audit'],
]

const echo = availableModule({
  name: 'echo',
  inputs: [{ key: 'text', type: 'text', required: false }],
  outputs: [{ key: 'said', type: 'text' }],
})

/** Leaves documents of every kind, finished and unfinished. */
async function useEverything(agent: ScriptedAgent): Promise<void> {
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
  const first = await api.client.createTask(
    { module: 'echo', concurrencyKey: 'k' },
    `once-${clock.now().getTime()}`,
  )
  const upstream = { task: first.id, output: 'said' }
  expect((await api.post('/api/tasks', { module: 'echo', inputs: { text: upstream } })).status).toBe(201)
  await api.client.createTask({ module: 'echo', after: [first.id], concurrencyKey: 'k' })
  const notBefore = new Date(clock.now().getTime() + 10_000).toISOString()
  await api.client.createTask({ module: 'echo', notBefore })
  const granted = await agent.claim([echo])
  if (!granted) throw new Error('no task was assigned')
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
  expect((await api.post('/api/tickets', { path: `/api/tasks/${first.id}/events` })).status).toBe(201)
  const daily = { name: 'daily', cron: '0 3 * * *', task: { module: 'echo' } }
  expect((await api.post('/api/schedules', daily)).status).toBe(201)
}

async function letDaysPass(): Promise<void> {
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

test.each(growing)(
  'every search of %s is carried out by an index, in the order of its results',
  async (collection) => {
    await multiply(db, collection, 20_000)
    const searches = [...queries.values()].filter((query) => query.collection === collection)
    expect(searches.length).toBeGreaterThan(0)
    const faults = []
    for (const query of searches) {
      const fault = faultOf(await explain(db, query))
      if (fault) faults.push({ fault, ...query })
    }
    expect(faults).toEqual([])
  },
  120_000,
)

test('no other collection grows with use', () => {
  const others = new Set(
    [...queries.values()].map((query) => query.collection).filter((name) => !growing.includes(name)),
  )
  expect([...others].sort()).toEqual(['agents', 'grants', 'keys', 'modules', 'slots'])
})

describe('a query is at fault', () => {
  const well = { stages: ['LIMIT', 'FETCH', 'IXSCAN'], examined: 2, returned: 2 }

  test.each([
    [null, 'where an index gives documents and order', well],
    [null, 'where it finds nothing after a few', { ...well, examined: 10, returned: 0 }],
    ['reads the whole collection', 'without an index', { ...well, stages: ['LIMIT', 'COLLSCAN'] }],
    ['sorts in memory', 'in another order', { ...well, stages: ['FETCH', 'SORT', 'IXSCAN'] }],
    [
      'examines 11 documents to return 0',
      'that finds little in much',
      { ...well, examined: 11, returned: 0 },
    ],
  ])('%s: %s', (fault, _, explained) => {
    expect(faultOf(explained)).toBe(fault)
  })
})
