import { randomUUID } from 'node:crypto'
import { tick } from '@millrace/api'
import type { Task } from '@millrace/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'

const clock = shiftedClock()
const other = availableModule({ name: 'other', inputs: [], outputs: [] })
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
  agent = await scriptedAgent(api)
  await agent.has([echo, other])
})
afterAll(() => api.close())

const create = (more: object = {}) => api.client.createTask({ module: 'echo', ...more })
const statusOf = async (task: Task) => (await api.client.task(task.id)).status
const many = (count: number, more: object) => Promise.all(Array.from({ length: count }, () => create(more)))

async function failed(more: object = {}, retryable = false): Promise<Task> {
  const task = await create({ maxAttempts: 1, ...more })
  const granted = await agent.claim([echo, other])
  expect(granted?.run).toBe(`${task.id}.1`)
  const error = { code: 'module_error' as const, message: 'no', retryable }
  await agent.finish(granted?.run ?? '', { outcome: 'failed', error })
  return task
}

describe('cancelling many', () => {
  test('ends what matches and has not ended, and nothing else', async () => {
    const tagged = await many(5, { tags: ['a'] })
    const [done] = tagged
    await api.client.cancelTask(done?.id ?? 'tsk_')
    const rest = await create({ tags: ['b'] })
    expect(await api.client.cancelTasks({ tag: 'a' })).toBe(4)
    for (const task of tagged) expect(await statusOf(task)).toBe('cancelled')
    expect(await statusOf(rest)).toBe('queued')
    expect(await api.client.cancelTasks({ tag: 'a' })).toBe(0)
    expect(await api.client.cancelTasks({ ids: [rest.id], status: 'blocked' })).toBe(0)
    expect(await api.client.cancelTasks({ ids: [rest.id], status: ['blocked', 'queued'] })).toBe(1)
    expect(await statusOf(rest)).toBe('cancelled')
  })

  test('asks a running one to stop, and skips what depends on it', async () => {
    const task = await create({ tags: ['run'] })
    await agent.claim([echo])
    const next = await create({ after: [task.id] })
    expect(await api.client.cancelTasks({ tag: 'run' })).toBe(1)
    expect(await api.client.task(task.id)).toMatchObject({ status: 'running' })
    await agent.finish(`${task.id}.1`, { outcome: 'cancelled' })
    expect(await statusOf(task)).toBe('cancelled')
    expect(await statusOf(next)).toBe('skipped')
  })

  test('does not touch what is submitted later, also when it goes on after a crash', async () => {
    const early = await many(3, { label: 'bulk early' })
    const job = {
      _id: 'job_01ARZ3NDEKTSV4RRFFQ69G5FAV',
      rev: 1,
      act: 'cancel',
      filter: JSON.stringify({ label: 'bulk' }),
      after: null,
      upTo:
        early
          .map((task) => task.id)
          .sort()
          .at(-1) ?? 'tsk_',
      count: 3,
      state: 'going',
      at: clock.now(),
    } as const
    await api.deps.store.bulkJobs.insert(job)
    const late = await create({ label: 'bulk late' })
    clock.forward(5)
    await Promise.all([tick(api.deps), tick(api.deps)])
    for (const task of early) expect(await statusOf(task)).toBe('cancelled')
    expect(await statusOf(late)).toBe('queued')
    expect(await api.deps.store.bulkJobs.get(job._id)).toMatchObject({ state: 'done' })
    await api.client.cancelTask(late.id)
  })

  test('of many goes on after the answer', async () => {
    await many(450, { tags: ['flood'] })
    expect(await api.client.cancelTasks({ tag: 'flood' })).toBe(450)
    const left = () => api.deps.store.tasks.count({ tags: 'flood', finishedAt: null })
    await expect.poll(left, { timeout: 30_000 }).toBe(0)
  }, 120_000)

  test.each([
    ['no filter', {}, ['/filter']],
    ['an empty one', { filter: {} }, ['/filter']],
    ['what is no status', { filter: { status: 'done' } }, ['/filter/status']],
    ['operators', { filter: { tag: { $gt: '' } } }, ['/filter/tag']],
    ['unknown words', { filter: { tag: 'a', $where: '1' } }, ['/filter/$where']],
  ])('is refused with %s', async (_what, body, paths) => {
    expect(await refusalOf(await api.post('/api/tasks/cancel', body))).toMatchObject({ status: 422, paths })
  })
})

describe('dead letters', () => {
  test('are the tasks whose own attempts are over; replayed by id, by module, or all', async () => {
    const [first, second] = [await failed({}, true), await failed()]
    const third = await failed({ module: 'other' })
    const skipped = await create({ after: [first.id] })
    const failing = await create({ after: [first.id], onUpstreamFailure: 'fail' })
    expect(await statusOf(skipped)).toBe('skipped')
    const letters = async (query = {}) =>
      (await api.client.listDeadLetters(query)).items.map((task) => task.id)
    expect(await letters()).toEqual([third.id, second.id, first.id])
    expect(await letters({ module: 'other' })).toEqual([third.id])
    const { items, nextCursor } = await api.client.listDeadLetters({ limit: 2 })
    expect(items).toHaveLength(2)
    expect(await letters({ limit: 2, cursor: nextCursor ?? '' })).toEqual([first.id])
    expect((await api.client.listRuns({ task: first.id })).items).toMatchObject([{ status: 'failed' }])

    expect(await api.client.replayDeadLetters({ ids: [first.id] })).toBe(1)
    expect(await statusOf(first)).toBe('queued')
    expect(await statusOf(skipped)).toBe('blocked')
    expect(await statusOf(failing)).toBe('failed')
    expect(await api.client.replayDeadLetters({ module: 'other' })).toBe(1)
    expect(await letters()).toEqual([second.id])
    expect(await api.client.replayDeadLetters({ all: true })).toBe(1)
    expect(await letters()).toEqual([])
    expect(await api.client.replayDeadLetters({ ids: [first.id] })).toBe(0)
    await api.client.cancelTasks({ status: 'queued' })
    await api.client.cancelTasks({ status: 'blocked' })
  })

  test('replayed with the same key again are not replayed twice', async () => {
    const task = await failed()
    const headers = { 'idempotency-key': randomUUID() }
    const replay = () => api.post('/api/dead-letters/replay', { ids: [task.id] }, { headers })
    expect((await replay()).status).toBe(202)
    const granted = await agent.claim([echo])
    const error = { code: 'module_error' as const, message: 'no', retryable: false }
    await agent.finish(granted?.run ?? '', { outcome: 'failed', error })
    const again = await replay()
    expect(await again.json()).toEqual({ count: 1 })
    expect(await api.client.task(task.id)).toMatchObject({ status: 'failed', attempt: 2 })
  })

  test.each([
    ['nothing', {}, ['']],
    ['two of them', { all: true, module: 'echo' }, ['']],
    ['all: false', { all: false }, ['/all']],
    ['an unknown id', { ids: ['tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV'] }, ['/ids/0']],
    ['no id', { ids: [] }, ['/ids']],
  ])('are not replayed with %s', async (_what, body, paths) => {
    const refusal = await refusalOf(await api.post('/api/dead-letters/replay', body))
    expect(refusal).toMatchObject({ status: 422, paths })
  })
})
