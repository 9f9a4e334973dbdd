import { randomUUID } from 'node:crypto'
import { connect, type Task } from '@millrace/client'
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

/** The limits of one caller: each has a key. */
async function caller(rateLimit?: object) {
  const { key, secret } = await api.client.createKey({
    name: 'caller',
    scopes: ['write'],
    rateLimit: rateLimit as never,
  })
  const submit = async (count: number, more: object = {}) => {
    const tasks = Array.from({ length: count }, (_, at) => ({ ref: `t${at}`, module: 'echo', ...more }))
    const response = await api.post('/api/tasks/batch', { tasks }, { key: secret })
    expect(response.status).toBe(201)
    return Object.values((await response.json()).tasks) as Task[]
  }
  return { key, secret, submit }
}

async function claimAndFinish(modules = [echo, other]): Promise<string | null> {
  const granted = await agent.claim(modules)
  if (!granted) return null
  await agent.finish(granted.run, {
    outcome: 'succeeded',
    result: granted.outputs.said ? { said: { value: 'x' } } : {},
  })
  return granted.run.replace(/\.\d+$/, '')
}

describe('fair shares', () => {
  test("one caller's hundreds of tasks do not starve another's one", async () => {
    const [many, one] = [await caller(), await caller()]
    await many.submit(300)
    for (let left = 20; left > 0; left -= 1) await claimAndFinish()
    const [single] = await one.submit(1)
    const next = [await claimAndFinish(), await claimAndFinish(), await claimAndFinish()]
    expect(next).toContain(single?.id)
    await api.client.cancelTasks({ module: 'echo' })
  })

  test('callers who want at the same time get the same', async () => {
    const callers = [await caller(), await caller(), await caller()]
    const of = new Map<string, number>()
    for (const [at, { submit }] of callers.entries()) for (const task of await submit(60)) of.set(task.id, at)
    const counts = [0, 0, 0]
    for (let left = 60; left > 0; left -= 1) {
      const at = of.get((await claimAndFinish()) ?? '')
      if (at !== undefined) counts[at] = (counts[at] ?? 0) + 1
    }
    for (const count of counts) expect(count).toBeGreaterThanOrEqual(19)
    await api.client.cancelTasks({ module: 'echo' })
  })
})

describe('priorities', () => {
  test('are strict, also across the modules of one agent', async () => {
    const low = await api.client.createTask({ module: 'echo', priority: 'low' })
    const normal = await api.client.createTask({ module: 'other' })
    const high = await api.client.createTask({ module: 'echo', priority: 'high' })
    const order = [await claimAndFinish(), await claimAndFinish(), await claimAndFinish()]
    expect(order).toEqual([high.id, normal.id, low.id])
  })

  test.each(['urgent', 5, null, ''])('%j is none', async (priority) => {
    const refused = await api.post('/api/tasks', { module: 'echo', priority })
    expect(await refusalOf(refused)).toMatchObject({ status: 422, paths: ['/priority'] })
  })
})

describe('limits', () => {
  /** The most tasks that hold a place at once, seen after each answer. */
  async function race(claims: number, most: (running: string[]) => void): Promise<string[]> {
    const running: string[] = []
    const modules = [echo, other]
    const agents = await Promise.all(Array.from({ length: 5 }, () => scriptedAgent(api)))
    await Promise.all(agents.map((one) => one.has(modules)))
    await Promise.all(
      Array.from({ length: claims }, async (_, at) => {
        const granted = await agents[at % agents.length]?.claim(modules)
        if (granted) running.push(granted.run)
        most(running)
      }),
    )
    for (const run of running) {
      const owner = (await api.client.run(run as never)).agentId
      const one = agents.find(({ agentId }) => agentId === owner)
      await one?.finish(run, { outcome: 'succeeded', result: { said: { value: 'x' } } })
    }
    return running
  }

  test('of a key hold while fifty claims race', async () => {
    await api.client.changeSettings({ maxRunningTasks: 100 })
    const concurrencyKey = randomUUID()
    await Promise.all(
      Array.from({ length: 30 }, () =>
        api.client.createTask({ module: 'echo', concurrencyKey, concurrencyLimit: 2 }),
      ),
    )
    const runs = await race(50, (running) => expect(running.length).toBeLessThanOrEqual(2))
    expect(runs).toHaveLength(2)
    await api.client.cancelTasks({ module: 'echo' })
  })

  test('of the whole installation hold while fifty claims race', async () => {
    await api.client.changeSettings({ maxRunningTasks: 7 })
    await Promise.all(Array.from({ length: 50 }, () => api.client.createTask({ module: 'echo' })))
    const runs = await race(50, (running) => expect(running.length).toBeLessThanOrEqual(7))
    expect(runs).toHaveLength(7)
    await api.client.changeSettings({ maxRunningTasks: 100, perModule: { echo: 3 } })
    expect(await race(50, (running) => expect(running.length).toBeLessThanOrEqual(3))).toHaveLength(3)
    await api.client.changeSettings({ perModule: { echo: null } })
    await api.client.cancelTasks({ module: 'echo' })
  })

  test('that are lowered below what runs stop further claims, and touch nothing that runs', async () => {
    await api.client.changeSettings({ maxRunningTasks: 3 })
    const tasks = await Promise.all(
      Array.from({ length: 4 }, () => api.client.createTask({ module: 'echo' })),
    )
    const runs = []
    for (let left = 3; left > 0; left -= 1) runs.push((await agent.claim([echo]))?.run ?? '')
    await api.client.changeSettings({ maxRunningTasks: 1 })
    await agent.finish(runs[0] ?? '', { outcome: 'succeeded', result: { said: { value: 'x' } } })
    expect(await agent.claim([echo])).toBeNull()
    await api.client.changeSettings({ maxRunningTasks: 3 })
    const last = await agent.claim([echo])
    expect(tasks.map(({ id }) => `${id}.1`)).toContain(last?.run)
    for (const run of [...runs.slice(1), last?.run ?? ''])
      await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'x' } } })
    await api.client.changeSettings({ maxRunningTasks: 10 })
  })

  test('a flood that is held back by its key hides nothing behind it', async () => {
    const flood = await caller()
    await flood.submit(300, { concurrencyKey: 'flood', concurrencyLimit: 1, priority: 'high' })
    const first = await agent.claim([echo])
    const behind = await api.client.createTask({ module: 'echo' })
    const second = await agent.claim([echo])
    expect(second?.run).toBe(`${behind.id}.1`)
    for (const run of [first?.run ?? '', second?.run ?? ''])
      await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'x' } } })
    await api.client.cancelTasks({ module: 'echo' })
  })
})

describe('a key with a rate limit', () => {
  test('gets 429 with Retry-After beyond it, and is served again when the time has come', async () => {
    const { secret } = await caller({ requestsPerSecond: 2, burst: 5 })
    const ask = () => api.request('/api/tasks?limit=1', { key: secret })
    const statuses = []
    for (let left = 6; left > 0; left -= 1) statuses.push((await ask()).status)
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429])
    const refused = await ask()
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(await refusalOf(refused)).toMatchObject({ status: 429, code: 'rate_limited' })
    clock.forward(1)
    expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([200, 200, 429])
  })

  test('shares it with its grants, and with no other caller', async () => {
    const { secret } = await caller({ requestsPerSecond: 1, burst: 2 })
    const giver = connect({
      url: 'http://api.test',
      key: secret ?? '',
      fetch: async (input, init) => api.request(new URL(String(input)).pathname, { ...init, key: secret }),
    })
    expect((await giver.settings()).maxRunningTasks).toBe(10)
    expect((await giver.settings()).maxRunningTasks).toBe(10)
    await expect(giver.settings()).rejects.toMatchObject({ status: 429 })
    expect((await api.request('/api/settings')).status).toBe(200)
  })

  test('is divided among the API processes', async () => {
    const { secret } = await caller({ requestsPerSecond: 4, burst: 4 })
    api.deps.replicas.count = 2
    const statuses = []
    for (let left = 3; left > 0; left -= 1)
      statuses.push((await api.request('/api/settings', { key: secret })).status)
    api.deps.replicas.count = 1
    expect(statuses).toEqual([200, 200, 429])
  })

  test.each([
    [{ requestsPerSecond: 0 }, ['/rateLimit/requestsPerSecond']],
    [{ requestsPerSecond: -1, burst: 0 }, ['/rateLimit/burst', '/rateLimit/requestsPerSecond']],
    [{}, ['/rateLimit/requestsPerSecond']],
  ])('%j is refused', async (rateLimit, paths) => {
    const refused = await api.post('/api/keys', { name: 'x', scopes: ['read'], rateLimit })
    expect(await refusalOf(refused)).toMatchObject({ status: 422, paths })
  })
})
