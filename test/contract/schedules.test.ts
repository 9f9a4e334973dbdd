import { openPorts, readConfig, tick } from '@millrace/api'
import type { Schedule, Task } from '@millrace/client'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'

const clock = shiftedClock()
const fleeting = availableModule({ name: 'fleeting', inputs: [], outputs: [] })
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
  agent = await scriptedAgent(api)
  await agent.has([echo, fleeting])
})
afterAll(() => api.close())
beforeEach(async () => {
  for (const { id } of (await api.client.listSchedules()).items) await api.client.deleteSchedule(id)
})

const task = { module: 'echo', inputs: { text: 'hello' } }
const create = (more: object = {}) =>
  api.client.createSchedule({ name: 'beat', everySeconds: 10, task, ...more })
const made = async (schedule: Schedule) => (await api.client.schedule(schedule.id)).lastTasks
const tasksOf = async (schedule: Schedule): Promise<Task[]> =>
  Promise.all((await made(schedule)).map(({ taskId }) => api.client.task(taskId)))

async function after(seconds: number): Promise<void> {
  clock.forward(seconds)
  await tick(api.deps)
}

describe('a schedule', () => {
  test('makes a task at each of its times, and says which come next', async () => {
    const schedule = await create()
    const [first, second] = schedule.nextFires.map((time) => Date.parse(time))
    expect(schedule.nextFireAt).toBe(schedule.nextFires[0])
    expect(schedule.nextFires).toHaveLength(5)
    expect((second ?? 0) - (first ?? 0)).toBe(10_000)
    await after(9)
    expect(await made(schedule)).toEqual([])
    await after(2)
    await after(10)
    const tasks = await tasksOf(schedule)
    expect(tasks).toMatchObject([
      { module: 'echo', label: 'beat', status: 'queued', inputs: { text: { value: 'hello' } } },
      { module: 'echo', status: 'queued' },
    ])
    expect(new Set(tasks.map(({ id }) => id)).size).toBe(2)
  })

  test('fires once, with any number of ticks in any number of processes', async () => {
    const schedule = await create()
    const { MONGODB_URL } = api.env
    const others = Array.from({ length: 9 }, () => ({
      ...openPorts(readConfig({ ...api.env, MONGODB_URL }), pino({ level: 'silent' })),
      clock,
    }))
    clock.forward(11)
    await Promise.all([api.deps, ...others].map((deps) => tick(deps)))
    for (const { store, bus } of others) {
      await bus.close()
      await store.close()
    }
    expect(await made(schedule)).toHaveLength(1)
    expect((await api.client.listTasks({ label: 'beat', status: 'queued' })).items.length).toBeGreaterThan(0)
    const [only] = await made(schedule)
    const since = await api.deps.store.tasks.find({ requestId: { $regex: `^${schedule.id}` } }, { limit: 10 })
    expect(since.map(({ _id }) => _id)).toEqual([only?.taskId])
  })

  test('makes no second task when its process died before it was noted', async () => {
    const schedule = await create()
    clock.forward(11)
    const dying = {
      ...api.deps,
      failpoint(point: string) {
        if (point === 'schedule.fired') throw new Error('dead')
      },
    }
    await tick(dying)
    expect(await made(schedule)).toEqual([])
    await tick(api.deps)
    expect(await made(schedule)).toHaveLength(1)
    const tasks = await api.deps.store.tasks.find({ requestId: { $regex: `^${schedule.id}` } }, { limit: 10 })
    expect(tasks).toHaveLength(1)
  })

  test('that may not overlap passes over a time while its last task has not ended', async () => {
    const schedule = await create({ overlap: 'skip' })
    await after(11)
    const [first] = await made(schedule)
    await after(10)
    expect(await api.client.schedule(schedule.id)).toMatchObject({
      skipped: 1,
      lastSkip: { reason: `${first?.taskId} had not ended` },
    })
    await api.client.cancelTask(first?.taskId ?? 'tsk_')
    await after(10)
    expect(await made(schedule)).toHaveLength(2)
  })

  test('catches up on what it missed by less than is asked for, and passes over the rest', async () => {
    const [short, long] = [await create({ catchUpSeconds: 25 }), await create({ catchUpSeconds: 3600 })]
    clock.forward(101)
    for (let ticks = 0; ticks < 12; ticks += 1) await tick(api.deps)
    expect((await made(short)).length).toBe(3)
    expect(await api.client.schedule(short.id)).toMatchObject({ skipped: 1 })
    expect((await made(long)).length).toBe(10)
  })

  test('is paused, and goes on from then', async () => {
    const schedule = await create()
    const paused = await api.client.updateSchedule(schedule.id, { enabled: false })
    expect(paused).toMatchObject({ enabled: false, nextFireAt: null, nextFires: [] })
    await after(60)
    const resumed = await api.client.updateSchedule(schedule.id, { enabled: true })
    expect(Date.parse(resumed.nextFireAt ?? '')).toBeGreaterThan(clock.now().getTime())
    expect(await made(schedule)).toEqual([])
    await after(11)
    expect(await made(schedule)).toHaveLength(1)
  })

  test('whose task cannot be made says why, and keeps no other from firing', async () => {
    const broken = await create({ task: { module: 'fleeting' } })
    const well = await create()
    await api.deps.store.modules.remove('fleeting')
    await after(11)
    expect(await api.client.schedule(broken.id)).toMatchObject({
      lastTasks: [],
      skipped: 1,
      lastSkip: { reason: expect.stringMatching(/module_not_found/) },
    })
    expect(await made(well)).toHaveLength(1)
    await agent.has([echo, fleeting])
    await after(10)
    expect(await made(broken)).toHaveLength(1)
  })

  test('keeps the data that its task names', async () => {
    const value = await api.client.createValue({ label: 'v', value: 'text' })
    const schedule = await create({ task: { module: 'echo', inputs: { text: { data: value.id } } } })
    const refused = await api.request(`/api/data/${value.id}`, { method: 'DELETE' })
    expect(refused.status).toBe(409)
    expect((await refused.json()).detail).toContain(schedule.id)
    await api.client.deleteSchedule(schedule.id)
    expect((await api.request(`/api/data/${value.id}`, { method: 'DELETE' })).status).toBe(204)
  })

  test('changes its times and its task', async () => {
    const schedule = await create()
    const changed = await api.client.updateSchedule(schedule.id, {
      cron: '30 2 * * *',
      everySeconds: null,
      timezone: 'Europe/Berlin',
      task: { module: 'echo', inputs: { text: 'changed' }, priority: 'high' },
    })
    expect(changed).toMatchObject({ cron: '30 2 * * *', everySeconds: null, timezone: 'Europe/Berlin' })
    expect(changed.task).toMatchObject({ inputs: { text: 'changed' }, priority: 'high' })
    expect(changed.nextFireAt).toMatch(/T0[01]:30:00/)
  })

  test('with text that looks like operators keeps it as it is', async () => {
    const text = '{"$gt": ""} __proto__ a.b $where'
    const schedule = await create({ name: '{"$gt": ""}', task: { module: 'echo', inputs: { text } } })
    await after(11)
    const [task] = await tasksOf(schedule)
    expect(task?.inputs).toEqual({ text: { value: text } })
    expect((await api.client.schedule(schedule.id)).name).toBe('{"$gt": ""}')
  })

  test('sent again with the same key is one', async () => {
    const body = JSON.stringify({ name: 'once', everySeconds: 60, task })
    const send = () =>
      api.request('/api/schedules', { method: 'POST', body, headers: { 'idempotency-key': 's1' } })
    const [one, two] = [await (await send()).json(), await (await send()).json()]
    expect(two.schedule.id).toBe(one.schedule.id)
  })
})

describe('a schedule is refused with', () => {
  const at = (more: object) => ({ name: 'x', task, ...more })
  test.each([
    ['a minute that does not exist', at({ cron: '61 * * * *' }), ['/cron']],
    ['every 0 seconds', at({ everySeconds: 0 }), ['/everySeconds']],
    ['every -5 seconds', at({ everySeconds: -5 }), ['/everySeconds']],
    ['half a second', at({ everySeconds: 0.5 }), ['/everySeconds']],
    ['a century', at({ everySeconds: 3.2e9 }), ['/everySeconds']],
    ['both', at({ cron: '* * * * *', everySeconds: 5 }), ['/cron']],
    ['neither', at({}), ['']],
    ['an unknown zone', at({ cron: '* * * * *', timezone: 'Mars/Olympus' }), ['/timezone']],
    ['a day that never comes', at({ cron: '0 0 31 2 *' }), ['/cron']],
    ['no task', { name: 'x', everySeconds: 5 }, ['/task']],
    [
      'an input of another type',
      at({ everySeconds: 5, task: { module: 'echo', inputs: { count: 'a' } } }),
      ['/task/inputs/count'],
    ],
    ['an unknown overlap', at({ everySeconds: 5, overlap: 'replace' }), ['/overlap']],
    ['operators', at({ everySeconds: { $gt: 0 } }), ['/everySeconds']],
  ])('%s', async (_what, body, paths) => {
    expect(await refusalOf(await api.post('/api/schedules', body))).toMatchObject({ status: 422, paths })
  })

  test('an unknown module', async () => {
    const refused = await api.post('/api/schedules', { name: 'x', everySeconds: 5, task: { module: 'none' } })
    expect(await refusalOf(refused)).toMatchObject({ code: 'module_not_found', paths: ['/task/module'] })
  })

  test('an edit that leaves it without times, or of an unknown schedule', async () => {
    const schedule = await create()
    const edit = (id: string, body: object) =>
      api.request(`/api/schedules/${id}`, { method: 'PATCH', body: JSON.stringify(body) })
    expect((await edit(schedule.id, { everySeconds: null })).status).toBe(422)
    expect((await edit('sch_01ARZ3NDEKTSV4RRFFQ69G5FAV', { name: 'y' })).status).toBe(404)
    expect((await api.client.schedule(schedule.id)).everySeconds).toBe(10)
  })
})
