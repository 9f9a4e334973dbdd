import { fromData, fromOutput, type Task } from '@millrace/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'

let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi()
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterAll(() => api.close())

type Policy = 'skip' | 'fail' | 'run'
const saidOf = (task: Task) => task.outputs.said?.data ?? 'dat_'
const following = (task: Task, onUpstreamFailure?: Policy) =>
  api.client.createTask({ module: 'echo', inputs: { text: fromOutput(task.id, 'said') }, onUpstreamFailure })
const claimed = async (task: Task) => expect((await agent.claim([echo]))?.run).toBe(`${task.id}.1`)
const succeed = (task: Task) =>
  agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: { said: { value: 'said' } } })
const fail = (task: Task) =>
  agent.finish(`${task.id}.1`, {
    outcome: 'failed',
    error: { code: 'module_error', message: 'no', retryable: false },
  })
const status = async (task: Task) => (await api.client.task(task.id)).status

let first: Task
beforeEach(async () => {
  first = await api.client.createTask({ module: 'echo', inputs: { text: 'first' } })
})

describe('a task that needs the output of another', () => {
  test('waits for it and gets the value', async () => {
    const second = await following(first)
    expect(second).toMatchObject({ status: 'blocked', waitingFor: [saidOf(first)], currentRun: null })
    await claimed(first)
    expect(await agent.claim([echo])).toBeNull()
    await succeed(first)
    expect(await api.client.task(second.id)).toMatchObject({ status: 'queued', waitingFor: [] })
    expect(await agent.claim([echo])).toMatchObject({
      run: `${second.id}.1`,
      inputs: { text: { value: 'said' } },
    })
    await succeed(second)
  })

  test('may name the data item instead, also when that is already available', async () => {
    await claimed(first)
    await succeed(first)
    const second = await api.client.createTask({ module: 'echo', inputs: { text: fromData(saidOf(first)) } })
    expect(second.status).toBe('queued')
    await claimed(second)
    await succeed(second)
  })

  test('can be cancelled while it waits', async () => {
    const second = await following(first)
    expect(await api.client.cancelTask(second.id)).toMatchObject({ status: 'cancelled', waitingFor: [] })
    await claimed(first)
    await succeed(first)
    expect(await status(second)).toBe('cancelled')
  })
})

describe('when the other does not succeed, its dependents', () => {
  test('are skipped, fail or run, each by its own policy', async () => {
    const after = (onUpstreamFailure: Policy) =>
      api.client.createTask({ module: 'echo', after: [first.id], onUpstreamFailure })
    const [skip, failing, run] = [await following(first), await following(first, 'fail'), await after('run')]
    await claimed(first)
    await fail(first)
    expect(await api.client.task(skip.id)).toMatchObject({
      status: 'skipped',
      waitingFor: [],
      error: {
        code: 'upstream_failed',
        retryable: false,
        detail: { taskId: first.id, cause: saidOf(first) },
      },
    })
    expect(await api.client.data(saidOf(skip))).toMatchObject({ status: 'failed' })
    expect(await api.client.task(failing.id)).toMatchObject({
      status: 'failed',
      error: { code: 'upstream_failed' },
    })
    expect(await status(run)).toBe('queued')
    await claimed(run)
    await succeed(run)
  })

  test('are skipped along a chain of 50', async () => {
    const chain = [first]
    for (let at = 0; at < 50; at += 1) chain.push(await following(chain.at(-1) ?? first))
    await api.client.cancelTask(first.id)
    const ends = await Promise.all(chain.slice(1).map((task) => api.client.task(task.id)))
    expect(new Set(ends.map((task) => task.status))).toEqual(new Set(['skipped']))
    const docs = await api.deps.store.tasks.many(chain.map((task) => task.id))
    expect(docs.filter((task) => task.settle !== null)).toEqual([])
    expect(await agent.claim([echo])).toBeNull()
  })

  test('are skipped at once when it has ended before they were made', async () => {
    await api.client.cancelTask(first.id)
    const late = await api.client.createTask({ module: 'echo', after: [first.id] })
    expect(late).toMatchObject({ status: 'skipped', error: { code: 'upstream_failed' } })
    const refused = await api.post('/api/tasks', {
      module: 'echo',
      inputs: { text: { task: first.id, output: 'said' } },
    })
    expect((await refused.json()).code).toBe('data_not_available')
  })
})

describe('a task that comes after others', () => {
  test('waits until all of them succeeded', async () => {
    const other = await api.client.createTask({ module: 'echo' })
    const last = await api.client.createTask({ module: 'echo', after: [first.id, other.id] })
    expect(last).toMatchObject({ status: 'blocked', waitingFor: [first.id, other.id] })
    await claimed(first)
    await claimed(other)
    await succeed(other)
    expect(await api.client.task(last.id)).toMatchObject({ status: 'blocked', waitingFor: [first.id] })
    await succeed(first)
    expect(await status(last)).toBe('queued')
    await claimed(last)
    await succeed(last)
  })

  test('is opened by the last of many that end at once', async () => {
    const others = await Promise.all(
      Array.from({ length: 6 }, () => api.client.createTask({ module: 'echo', priority: 'high' })),
    )
    await api.client.cancelTask(first.id)
    const last = await api.client.createTask({ module: 'echo', after: others.map((task) => task.id) })
    for (const _ of others) expect(await agent.claim([echo])).not.toBeNull()
    await Promise.all(others.map(succeed))
    expect(await status(last)).toBe('queued')
    await claimed(last)
    await succeed(last)
  })

  test('is admitted by the last of many, and lists meanwhile what it still waits for', async () => {
    await api.client.cancelTask(first.id)
    const many = Array.from({ length: 40 }, (_, at) => ({ ref: `m${at}`, module: 'echo' }))
    const made = await api.client.createTasks([
      ...many,
      { ref: 'last', module: 'echo', after: many.map(({ ref }) => ref) },
      { ref: 'skipped', module: 'echo', after: many.map(({ ref }) => ref) },
    ])
    const id = (ref: string) => made[ref]?.id ?? 'tsk_'
    await api.client.cancelTask(id('skipped'))
    await api.client.changeSettings({ maxRunningTasks: 100 })
    const runs = []
    for (const _ of many) runs.push((await agent.claim([echo]))?.run ?? '')
    for (const run of runs.slice(1))
      await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'x' } } })
    const waiting = await api.client.task(id('last'))
    expect(waiting.status).toBe('blocked')
    expect(runs.slice(0, 1)).toEqual(waiting.waitingFor.map((task) => `${task}.1`))
    expect(await agent.claim([echo])).toBeNull()
    await agent.finish(runs[0] ?? '', { outcome: 'succeeded', result: { said: { value: 'x' } } })
    const granted = await agent.claim([echo])
    expect(granted?.run).toBe(`${id('last')}.1`)
    await agent.finish(granted?.run ?? '', { outcome: 'succeeded', result: { said: { value: 'x' } } })
  })

  test('is skipped as soon as one of many has failed', async () => {
    await api.client.cancelTask(first.id)
    const many = Array.from({ length: 40 }, (_, at) => ({ ref: `m${at}`, module: 'echo' }))
    const made = await api.client.createTasks([
      ...many,
      { ref: 'last', module: 'echo', after: many.map(({ ref }) => ref) },
    ])
    await api.client.cancelTask(made.m7?.id ?? 'tsk_')
    expect((await api.client.task(made.last?.id ?? 'tsk_')).status).toBe('skipped')
    await api.client.cancelTasks({ module: 'echo' })
  })
})
