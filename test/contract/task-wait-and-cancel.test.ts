import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { expectQuiet } from '../support/quiet.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'

let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, limits: { ...deps.limits, longestWaitSeconds: 2 } }))
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterAll(() => api.close())

const create = (more: object = {}) => api.client.createTask({ module: 'echo', ...more })
const cancel = (id: string) => api.post(`/api/tasks/${id}/cancel`, {})
const deleteRun = (run: string) => api.request(`/api/runs/${run}`, { method: 'DELETE' })
const finish = (id: string, outcome: 'succeeded' | 'failed' | 'cancelled') =>
  agent.finish(`${id}.1`, { outcome, result: {} })

describe('a reader that waits', () => {
  test('is answered as soon as the task has ended, however it ends', async () => {
    for (const outcome of ['succeeded', 'failed', 'cancelled'] as const) {
      const task = await create()
      await agent.claim([echo])
      const start = Date.now()
      const readers = [1, 2, 3].map(() => api.client.task(task.id, 30))
      await finish(task.id, outcome)
      expect((await Promise.all(readers)).map((seen) => seen.status)).toEqual([outcome, outcome, outcome])
      expect(Date.now() - start).toBeLessThan(10_000)
    }
  })

  test('is answered at once when the task has ended before', async () => {
    const task = await create()
    await cancel(task.id)
    const start = Date.now()
    expect((await api.client.task(task.id, 60)).status).toBe('cancelled')
    expect(Date.now() - start).toBeLessThan(5_000)
  })

  test('gets the present state when its time is over', async () => {
    const task = await create()
    const start = Date.now()
    expect((await api.client.task(task.id, 1)).status).toBe('queued')
    expect(Date.now() - start).toBeGreaterThanOrEqual(990)
    await cancel(task.id)
  })

  test('gets it before a proxy between them gives up, however long it wants to wait', async () => {
    const task = await create()
    const start = Date.now()
    expect((await api.client.task(task.id, 60)).status).toBe('queued')
    expect(Date.now() - start).toBeGreaterThanOrEqual(1_990)
    expect(Date.now() - start).toBeLessThan(20_000)
    await cancel(task.id)
  })

  test('of an unknown task answers 404 immediately', async () => {
    const answer = await api.request('/api/tasks/tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV?wait=30')
    expect(await refusalOf(answer)).toEqual({ status: 404, code: 'not_found' })
  })
})

describe('cancelling', () => {
  test('a waiting task ends it at once: 202, then 200', async () => {
    const first = await create()
    const blocked = await create({ after: [first.id] })
    for (const task of [blocked, first]) {
      const answer = await cancel(task.id)
      expect(answer.status).toBe(202)
      expect((await answer.json()).task).toMatchObject({
        status: 'cancelled',
        error: { code: 'cancelled' },
        finishedAt: expect.any(String),
      })
      expect((await cancel(task.id)).status).toBe(200)
    }
    expect(await api.client.run(`${first.id}.1`)).toMatchObject({ status: 'cancelled' })
    expect(await api.client.data(first.outputs.said?.data ?? 'dat_')).toMatchObject({
      status: 'failed',
      error: { code: 'cancelled' },
    })
    expect(await agent.claim([echo])).toBeNull()
    await expectQuiet(api.deps.store, [first.id, blocked.id])
  })

  test('a running task asks its agent, and whatever it reports then is cancelled', async () => {
    for (const outcome of ['succeeded', 'failed', 'cancelled'] as const) {
      const task = await create()
      await agent.claim([echo])
      for (const _ of [1, 2]) {
        const answer = await cancel(task.id)
        expect(answer.status).toBe(202)
        expect((await answer.json()).task).toMatchObject({
          status: 'running',
          cancelRequestedAt: expect.any(String),
        })
      }
      expect(await finish(task.id, outcome)).toEqual({ applied: true })
      expect(await api.client.task(task.id)).toMatchObject({
        status: 'cancelled',
        result: null,
        error: { code: 'cancelled', detail: { confirmed: true } },
      })
      expect(await api.client.run(`${task.id}.1`)).toMatchObject({ status: 'cancelled', willRetry: false })
      expect((await cancel(task.id)).status).toBe(200)
      await expectQuiet(api.deps.store, [task.id])
    }
  })

  test('a finished task is already_finished', async () => {
    for (const outcome of ['succeeded', 'failed'] as const) {
      const task = await create({ maxAttempts: 1 })
      await agent.claim([echo])
      await finish(task.id, outcome)
      const refused = { status: 409, code: 'already_finished' }
      expect(await refusalOf(await cancel(task.id))).toEqual(refused)
      expect(await refusalOf(await deleteRun(`${task.id}.1`))).toEqual(refused)
    }
  })

  test('while it is claimed leaves it either cancelled or being stopped, never both', async () => {
    for (let round = 0; round < 5; round += 1) {
      const task = await create()
      const [grant, answer] = await Promise.all([agent.claim([echo]), cancel(task.id)])
      expect(answer.status).toBe(202)
      if (grant) await finish(task.id, 'cancelled')
      expect((await api.client.task(task.id)).status).toBe('cancelled')
      await expectQuiet(api.deps.store, [task.id])
    }
  })

  test('a run cancels its task; a run that never was is not found', async () => {
    const task = await create()
    expect(await refusalOf(await deleteRun(`${task.id}.2`))).toEqual({ status: 404, code: 'not_found' })
    expect((await api.client.task(task.id)).status).toBe('queued')
    const answer = await deleteRun(`${task.id}.1`)
    expect(answer.status).toBe(202)
    expect((await answer.json()).task.status).toBe('cancelled')
    expect((await deleteRun(`${task.id}.1`)).status).toBe(200)
  })
})
