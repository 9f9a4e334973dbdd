import { fromData, type TaskId } from '@millrace/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { openEvents } from '../support/event-reader.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { bytesOf } from '../support/upload-by-hand.ts'

const clock = shiftedClock()
const maker = availableModule({
  name: 'maker',
  inputs: [{ key: 'texts', type: 'text', multiple: true, required: false }],
  outputs: [
    { key: 'said', type: 'text', required: false },
    { key: 'pages', type: 'file', multiple: true, required: false },
  ],
})
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
})
beforeEach(async () => {
  agent = await scriptedAgent(api)
  await agent.has([maker])
  await keep({ runs: null, logs: null, tasks: null })
})
afterAll(() => api.close())

type Days = { runs?: number | null; logs?: number | null; tasks?: number | null }
const keep = (retentionDays: Days) => api.client.changeSettings({ retentionDays })
const tick = () => api.request('/api/tick', { method: 'POST' })
async function daysLater(days: number) {
  clock.forward(days * 24 * 3600)
  for (let steps = 0; steps < 3; steps += 1) await tick()
  // What the last tick left of an agent's silence is over by then.
  agent = await scriptedAgent(api)
  await agent.has([maker])
}
const create = (more: object = {}) =>
  api.client.createTask({ module: 'maker', backoff: { initialSeconds: 0 }, ...more })
const logKey = (run: string) => `runs/${run.replace('.', '/')}/$log/0`
const hasLog = async (run: string) => (await api.deps.objects.head(logKey(run))) !== null
const status = async (path: string) => (await api.request(path)).status
const line = { n: 1, at: '2026-11-21T00:00:00.000Z', stream: 'stdout', line: 'once' }

/** Claims the task and ends its attempt, with a log of one line in the store. */
async function end(id: TaskId, attempt: number, report: object = { outcome: 'succeeded', result: {} }) {
  const run = `${id}.${attempt}`
  expect((await agent.claim([maker]))?.run).toBe(run)
  const file = await agent.upload(
    run,
    '$log',
    'log.ndjson',
    'application/x-ndjson',
    bytesOf(`${JSON.stringify(line)}\n`),
  )
  const log = { lines: 1, bytes: 4, truncated: false, size: file.size }
  await agent.finish(run, { outcome: 'succeeded', log, ...report })
  return run
}
const failedOnce = {
  outcome: 'failed',
  error: { code: 'crashed', message: 'once more', retryable: true },
}

test('requests by key, grants and sessions that are long over go; a session that lasts does not', async () => {
  const headers = { 'idempotency-key': 'k' }
  const { task } = await (await api.post('/api/tasks', { module: 'maker' }, { headers })).json()
  await api.client.cancelTask(task.id)
  const { deps } = api
  const count = async () => [
    (await deps.store.idempotency.find({}, { limit: 10 })).length,
    (await deps.store.grants.find({}, { limit: 10 })).length,
  ]
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
  await api.client.createGrant({
    ...{ maxUploads: 1, maxUploadBytes: 1, maxTasks: 1 },
    ...{ modules: ['maker'], expiresAt },
  })
  expect(await count()).toEqual([1, 1])
  const { sessionId } = await agent.registerAgain()
  clock.forward(25 * 3600)
  await tick()
  expect(await count()).toEqual([0, 1])
  clock.forward(8 * 24 * 3600)
  await tick()
  expect(await count()).toEqual([0, 0])
  const old = await deps.store.sessions.find({}, { limit: 100 })
  expect(old.length).toBeGreaterThan(1)
  clock.forward(31 * 24 * 3600)
  await tick()
  const left = (await deps.store.sessions.find({}, { limit: 100 })).map((session) => session._id)
  expect(left).toContain(sessionId)
  const agents = await deps.store.agents.find({}, { limit: 100 })
  expect(left.sort()).toEqual(agents.map((one) => one.sessionId).sort())
})

describe('runs', () => {
  test('go after their days with their logs, all attempts; their task stays and says so', async () => {
    const task = await create()
    const runs = [await end(task.id, 1, failedOnce), await end(task.id, 2)]
    await keep({ runs: 10 })
    await daysLater(9.9)
    for (const run of runs) {
      expect(await status(`/api/runs/${run}`)).toBe(200)
      expect(await api.client.runLog(run as `${TaskId}.${number}`)).toHaveLength(1)
    }
    await daysLater(0.2)
    for (const run of runs) {
      for (const path of [`/api/runs/${run}`, `/api/runs/${run}/logs`, `/api/runs/${run}/logs?follow=1`])
        expect(await refusalOf(await api.request(path)), path).toEqual({ status: 404, code: 'not_found' })
      expect(await hasLog(run)).toBe(false)
    }
    expect((await api.client.listRuns({ task: task.id })).items).toEqual([])
    expect(await api.client.task(task.id)).toMatchObject({ status: 'succeeded', currentRun: `${task.id}.2` })
    const events = await openEvents(api, `/api/tasks/${task.id}/events`)
    expect((await events.rest()).map(({ event }) => event)).toEqual([
      ...Array.from({ length: 6 }, () => 'state'),
      'end',
    ])
  })

  test('of a task that has not ended stay, however old', async () => {
    const notBefore = new Date(clock.now().getTime() + 40 * 24 * 3600 * 1000).toISOString()
    const task = await create({ backoff: { initialSeconds: 0 } })
    const first = await end(task.id, 1, failedOnce)
    const waiting = await create({ notBefore })
    await keep({ runs: 1, tasks: 1 })
    await daysLater(20)
    expect(await status(`/api/runs/${first}`)).toBe(200)
    expect(await status(`/api/runs/${waiting.id}.1`)).toBe(200)
    await api.client.cancelTask(task.id)
    await api.client.cancelTask(waiting.id)
    await daysLater(0.1)
    expect(await status(`/api/runs/${first}`)).toBe(404)
    expect(await status(`/api/runs/${waiting.id}.1`)).toBe(200)
    await daysLater(1)
    expect(await status(`/api/runs/${waiting.id}.1`)).toBe(404)
  })

  test('are found by step after step, those that stay notwithstanding', async () => {
    const open = await create({ maxAttempts: 20 })
    for (let attempt = 1; attempt <= 110; attempt += 1) {
      await agent.claim([maker])
      await agent.finish(`${open.id}.${attempt}`, { outcome: 'handed_back' })
    }
    await api.deps.store.queue.change(open.id, (task) => ({
      ...task,
      entry: { ...task.entry, state: 'parked', until: new Date('2100-01-01') },
    }))
    const late = await create()
    const run = await end(late.id, 1)
    await keep({ runs: 1 })
    await daysLater(2)
    await tick()
    expect(await status(`/api/runs/${run}`)).toBe(404)
    expect(await status(`/api/runs/${open.id}.110`)).toBe(200)
    await api.client.cancelTask(open.id)
  })
})

describe('logs', () => {
  test('may go before their runs: 404, and the run has none', async () => {
    const task = await create()
    const run = await end(task.id, 1)
    await keep({ runs: 20, logs: 5 })
    await daysLater(5.1)
    expect(await refusalOf(await api.request(`/api/runs/${run}/logs`))).toEqual({
      status: 404,
      code: 'not_found',
    })
    expect(await api.client.run(run as `${TaskId}.${number}`)).toMatchObject({
      status: 'succeeded',
      log: null,
    })
    expect(await hasLog(run)).toBe(false)
    await daysLater(15)
    expect(await status(`/api/runs/${run}`)).toBe(404)
  })

  test('never stay longer than their runs', async () => {
    const task = await create()
    const run = await end(task.id, 1)
    await keep({ runs: 2, logs: 50 })
    await daysLater(2.1)
    expect([await status(`/api/runs/${run}`), await hasLog(run)]).toEqual([404, false])
  })
})

describe('tasks', () => {
  test('are kept forever by default; with a setting they are removed with all their runs, however they ended', async () => {
    const [won, lost, gone] = [await create(), await create({ maxAttempts: 1 }), await create()]
    const runs = [await end(won.id, 1), await end(lost.id, 1, { ...failedOnce, result: {} })]
    await api.client.cancelTask(gone.id)
    await daysLater(1000)
    expect(await status(`/api/tasks/${won.id}`)).toBe(200)
    await keep({ tasks: 1001 })
    await daysLater(0.9)
    expect(await status(`/api/tasks/${won.id}`)).toBe(200)
    await daysLater(0.2)
    for (const { id } of [won, lost, gone]) {
      expect(await status(`/api/tasks/${id}`)).toBe(404)
      expect(await status(`/api/tasks/${id}/events`)).toBe(404)
      expect(await api.deps.store.runs.find({ task: id }, { limit: 1 })).toEqual([])
    }
    for (const run of runs) expect(await hasLog(run)).toBe(false)
  })

  test('leave their outputs, which know their producer, and lists that hold together', async () => {
    const task = await create()
    const run = `${task.id}.1`
    await agent.claim([maker])
    const files = await Promise.all(
      [0, 1].map((n) => agent.upload(run, 'pages', `${n}.txt`, 'text/plain', bytesOf(`page ${n}`), n)),
    )
    await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'x' }, pages: { files } } })
    const [said, pages] = [task.outputs.said?.data ?? 'dat_', task.outputs.pages?.data ?? 'dat_']
    await keep({ tasks: 1 })
    await daysLater(1.1)
    expect(await status(`/api/tasks/${task.id}`)).toBe(404)
    expect(await api.client.data(said)).toMatchObject({
      status: 'available',
      value: 'x',
      producer: { taskId: task.id, output: 'said' },
    })
    expect(await api.client.lineage(said)).toMatchObject({ producedBy: null, inputs: [], usedBy: [] })
    const { items = [] } = await api.client.data(pages)
    const [first, second] = items.map((element) => element.data)
    const content = await fetch((await api.client.contentUrl(first ?? 'dat_')).url)
    expect(await content.text()).toBe('page 0')
    const reader = await create({ inputs: { texts: fromData(pages) } })
    for (const id of [pages, first])
      expect(await refusalOf(await api.request(`/api/data/${id}`, { method: 'DELETE' }))).toEqual({
        status: 409,
        code: 'data_in_use',
      })
    await api.client.cancelTask(reader.id)
    await api.client.deleteData(first ?? 'dat_')
    expect((await api.client.data(pages)).items).toEqual([{ data: second }])
  })

  test('that another names stay with it: a chain goes from its end on, all at once', async () => {
    const chain = [await create()]
    for (let at = 1; at < 70; at += 1) chain.push(await create({ after: [chain.at(-1)?.id] }))
    const [first, second] = chain
    if (!first || !second) throw new Error('no chain')
    await end(first.id, 1)
    await keep({ tasks: 1 })
    await daysLater(2)
    expect(await status(`/api/tasks/${first.id}`)).toBe(200)
    await api.client.cancelTask(second.id)
    expect((await api.client.task(chain.at(-1)?.id ?? 'tsk_')).status).toBe('skipped')
    await daysLater(0.5)
    expect(await status(`/api/tasks/${first.id}`)).toBe(200)
    await daysLater(0.6)
    for (let ticks = 0; ticks < 3; ticks += 1) await tick()
    expect(await api.deps.store.tasks.many(chain.map(({ id }) => id))).toEqual([])
  })

  test('that name one which went at the very moment do not run as if it had succeeded', async () => {
    const upstream = await create()
    await api.client.cancelTask(upstream.id)
    const [waiting, other] = [
      await create({ after: [upstream.id], onUpstreamFailure: 'run' }),
      await create({ notBefore: new Date(clock.now().getTime() + 3_600_000).toISOString() }),
    ]
    const both = await create({ after: [other.id] })
    await api.deps.store.tasks.remove(other.id)
    await api.deps.store.tasks.change(both.id, (task) => ({ ...task, settle: { kind: 'admit' } }))
    clock.forward(5)
    await tick()
    expect(await api.client.task(both.id)).toMatchObject({
      status: 'skipped',
      error: { code: 'upstream_failed', detail: { cause: other.id } },
    })
    await api.client.cancelTask(waiting.id)
  })

  test('are removed only as they were judged', async () => {
    const task = await create()
    await api.client.cancelTask(task.id)
    const doc = await api.deps.store.tasks.get(task.id)
    if (!doc) throw new Error('no task')
    await api.deps.store.tasks.change(doc, (current) => ({ ...current, label: 'changed meanwhile' }))
    expect(await api.deps.store.tasks.removeUnchanged(doc)).toBe(false)
    expect(await status(`/api/tasks/${task.id}`)).toBe(200)
  })
})
