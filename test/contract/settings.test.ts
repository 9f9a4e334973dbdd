import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'

const other = availableModule({ name: 'other' })
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi()
  agent = await scriptedAgent(api)
  await agent.has([echo, other])
})
afterAll(() => api.close())

const limits = (maxRunningTasks: number, perModule: Record<string, number | null> = {}) =>
  api.client.changeSettings({ maxRunningTasks, perModule })
const create = (module = 'echo') => api.client.createTask({ module })
const claim = async () => (await agent.claim([echo, other]))?.run
const end = (run: string | undefined) => agent.finish(run ?? '', { outcome: 'succeeded', result: {} })
const running = async () => (await api.client.listTasks({ status: 'running' })).items

afterEach(async () => {
  await limits(100, { echo: null, other: null })
  for (const task of await running()) await end(task.currentRun ?? '')
  for (let run = await claim(); run; run = await claim()) await end(run)
})

describe('settings', () => {
  test('have their defaults, and keep what is not changed', async () => {
    const fresh = await openApi()
    expect(await fresh.client.settings()).toEqual({
      maxRunningTasks: 10,
      perModule: {},
      retentionDays: { runs: 30, logs: null, tasks: null, uploads: null, outputs: null },
    })
    await fresh.client.changeSettings({ perModule: { echo: 2, other: 1 } })
    await fresh.client.changeSettings({ perModule: { other: null }, retentionDays: { runs: 5 } })
    expect(await fresh.client.settings()).toEqual({
      maxRunningTasks: 10,
      perModule: { echo: 2 },
      retentionDays: { runs: 5, logs: null, tasks: null, uploads: null, outputs: null },
    })
    await fresh.close()
  })

  test('say the same as the limits in force after many writers at once', async () => {
    const wanted = Array.from({ length: 12 }, (_, at) => at + 1)
    await Promise.all(wanted.map((limit) => limits(limit, { echo: limit })))
    const settings = await api.client.settings()
    expect((await api.deps.store.slots.get('global'))?.limit).toBe(settings.maxRunningTasks)
    expect((await api.deps.store.slots.get('module:echo'))?.limit).toBe(settings.perModule.echo)
  })
})

describe('maxRunningTasks', () => {
  test('is in force at once, up and down', async () => {
    await limits(1)
    for (let at = 0; at < 4; at += 1) await create()
    const first = await claim()
    expect(first).toBeDefined()
    expect(await claim()).toBeUndefined()
    await limits(2)
    const second = await claim()
    expect(second).toBeDefined()
    await limits(1)
    await end(first)
    expect(await claim()).toBeUndefined()
    await end(second)
    expect(await claim()).toBeDefined()
    await limits(0)
    expect((await api.client.listTasks({ status: 'planned' })).items).toHaveLength(1)
  })

  test('reached is 409 at_capacity for a run that does not want to wait', async () => {
    await limits(1)
    const run = (queue: boolean) => api.post('/api/modules/echo/run', { inputs: {}, queue })
    const accepted = await run(false)
    expect(accepted.status).toBe(202)
    const { taskId, runId, status } = await accepted.json()
    expect([runId, status]).toEqual([`${taskId}.1`, 'queued'])
    await claim()
    expect(await refusalOf(await run(false))).toEqual({ status: 409, code: 'at_capacity' })
    expect((await run(true)).status).toBe(202)
  })
})

describe('a limit for one module', () => {
  test('parks what is above it, lets others pass, and opens the next as one ends', async () => {
    await limits(10, { echo: 1 })
    const [first, second] = [await create(), await create()]
    const free = await create('other')
    expect([await claim(), await claim(), await claim()]).toEqual([
      `${first.id}.1`,
      `${free.id}.1`,
      undefined,
    ])
    expect((await api.deps.store.tasks.get(second.id))?.entry).toMatchObject({
      state: 'parked',
      slot: 'module:echo',
    })
    await end(`${first.id}.1`)
    expect(await claim()).toBe(`${second.id}.1`)
  })

  test('that is raised or taken away opens all that now fits, at once', async () => {
    await limits(100, { echo: 0 })
    for (let at = 0; at < 7; at += 1) await create()
    expect(await claim()).toBeUndefined()
    await limits(100, { echo: 3 })
    expect([await claim(), await claim(), await claim()]).not.toContain(undefined)
    expect(await claim()).toBeUndefined()
    await limits(100, { echo: null })
    expect([await claim(), await claim(), await claim(), await claim()]).not.toContain(undefined)
  })

  test('counts the runs that were going when it was set', async () => {
    for (let at = 0; at < 3; at += 1) await create()
    const [first, second] = [await claim(), await claim()]
    await limits(100, { echo: 2 })
    expect(await claim()).toBeUndefined()
    await end(first)
    expect(await claim()).toBeDefined()
    await end(second)
  })
})
