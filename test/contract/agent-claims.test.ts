import { randomUUID } from 'node:crypto'
import type { Failpoint } from '@millrace/api'
import type { Task } from '@millrace/client'
import { claimEvent } from '@millrace/shared'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { availableModule, echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { until } from '../support/until.ts'

const clock = shiftedClock()
const other = availableModule({ name: 'other' })
let breakingOffAt: Failpoint | null = null
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi((deps) => ({
    ...deps,
    clock,
    failpoint(point) {
      if (point === breakingOffAt) throw new Error('the process ends here')
    },
  }))
})
beforeEach(async () => {
  agent = await scriptedAgent(api)
  await agent.has([echo, other])
})
afterAll(() => api.close())

const create = (more: object = {}) => api.client.createTask({ module: 'echo', ...more })
const tick = () => api.request('/api/tick', { method: 'POST' })
const end = (run: string) => agent.finish(run, { outcome: 'succeeded', result: {} })
async function claimAndEnd(): Promise<string | undefined> {
  const run = (await agent.claim([echo, other]))?.run
  if (run) await end(run)
  return run
}
const runs = (tasks: Task[]) => tasks.map((task) => `${task.id}.1`)

describe('a claim', () => {
  test('with the same id is the same grant, with fresh URLs', async () => {
    const [first] = [await create({ inputs: { text: 'a' } }), await create()]
    const claimId = randomUUID()
    const grant = await agent.claim([echo], claimId)
    expect(grant?.run).toBe(`${first.id}.1`)
    expect(await agent.claim([echo], claimId)).toEqual(grant)
    const twins = await Promise.all([1, 2, 3].map(() => agent.claim([echo], claimId)))
    expect(twins).toEqual([grant, grant, grant])
    await end(`${first.id}.1`)
    await claimAndEnd()
  })

  test('gets a task whose submit died right after its first write, and its end creates what is missing', async () => {
    breakingOffAt = 'submit.inserted'
    await expect(create()).rejects.toThrow()
    breakingOffAt = null
    const [task] = (await api.client.listTasks({ limit: 1 })).items
    const run = `${task?.id ?? 'tsk_'}.1` as const
    expect((await api.request(`/api/runs/${run}`)).status).toBe(404)
    expect(await claimAndEnd()).toBe(run)
    expect(await api.client.run(run)).toMatchObject({ status: 'succeeded', attempt: 1 })
    const outputs = Object.values(task?.outputs ?? {})
    expect(outputs.length).toBeGreaterThan(0)
    // It reported no values, so they were created as failed.
    for (const { data } of outputs)
      expect(await api.client.data(data)).toMatchObject({ error: { code: 'not_produced' } })
  })

  test('says whether anything else is open for its offers', async () => {
    const tasks = [await create(), await create()]
    const { name: module, version, digest } = echo
    const offers = [{ module, version, digest, max: 1, warm: 0 }]
    const claim = async () =>
      (await agent.call('claim', { sessionId: agent.sessionId, claimId: randomUUID(), offers })).json()
    expect(await claim()).toMatchObject({ grant: { run: `${tasks[0]?.id}.1` }, more: true })
    expect(await claim()).toMatchObject({ grant: { run: `${tasks[1]?.id}.1` }, more: false })
    for (const run of runs(tasks)) await end(run)
  })

  test('with the id of one that is on its way to another run takes no second', async () => {
    const first = await create()
    const claimId = randomUUID()
    breakingOffAt = 'claim.global-slot-taken'
    await expect(agent.claim([echo], claimId)).rejects.toThrow()
    breakingOffAt = null
    const urgent = await create({ priority: 'high' })
    await expect(agent.claim([echo], claimId)).rejects.toThrow('503')
    clock.forward(11) // by then the other request would have given up
    await agent.registerAgain()
    expect((await agent.claim([echo], claimId))?.run).toBe(`${urgent.id}.1`)
    await end(`${urgent.id}.1`)
    expect(await claimAndEnd()).toBe(`${first.id}.1`)
  })

  test('takes only what the inventory shows as AVAILABLE with that very content', async () => {
    const task = await create()
    expect(await agent.claim([{ ...echo, digest: 'f'.repeat(64) }])).toBeNull()
    expect(await agent.claim([{ ...echo, version: '2.0.0' }])).toBeNull()
    await agent.has([{ ...echo, status: 'TESTING' }, other])
    expect(await agent.claim([echo])).toBeNull()
    await agent.has([other])
    expect(await agent.claim([echo])).toBeNull()
    await agent.has([echo, other])
    expect(await claimAndEnd()).toBe(`${task.id}.1`)
  })

  test('takes nothing without offers, or of modules that were not offered', async () => {
    const task = await create()
    expect(await agent.claim([])).toBeNull()
    expect(await agent.claim([other])).toBeNull()
    expect(await claimAndEnd()).toBe(`${task.id}.1`)
  })

  test('waits for work when asked to, and gets it as it comes', async () => {
    const offers = [{ module: 'echo', version: echo.version, digest: echo.digest, max: 1 }]
    const waiting = agent.call('claim', {
      sessionId: agent.sessionId,
      claimId: randomUUID(),
      offers,
      wait: 15,
    })
    const task = await create()
    const answer = await waiting
    expect((await answer.json()).grant.run).toBe(`${task.id}.1`)
    await end(`${task.id}.1`)
  })
})

describe('a claim that waits', () => {
  const offers = [echo].map(({ name: module, version, digest }) => ({ module, version, digest, max: 1 }))
  const ask = (claimId: string, more: object = {}, signal?: AbortSignal) =>
    api.request('/agent/v1/claim', {
      method: 'POST',
      key: agent.key,
      body: JSON.stringify({ sessionId: agent.sessionId, claimId, offers, wait: 15, ...more }),
      signal,
    })
  /** A claim that begins to wait ends the one before, by saying so. */
  const begun = (): Promise<void> =>
    new Promise((resolve) => {
      const stop = api.deps.bus.listen([claimEvent(agent.agentId)], () => {
        stop()
        resolve()
      })
    })

  test('ends when the same agent sends a new claim, which then gets the next task', async () => {
    const claimId = randomUUID()
    const waits = begun()
    const older = ask(claimId)
    await waits
    const newer = ask(claimId)
    expect((await older).status).toBe(204)
    const task = await create()
    expect((await (await newer).json()).grant.run).toBe(`${task.id}.1`)
    await end(`${task.id}.1`)
  })

  test('takes nothing once its caller has gone', async () => {
    const gone = new AbortController()
    const waits = begun()
    const older = ask(randomUUID(), {}, gone.signal).catch(() => null)
    await waits
    gone.abort()
    await older
    const task = await create()
    expect((await api.client.task(task.id)).status).toBe('queued')
    expect(await claimAndEnd()).toBe(`${task.id}.1`)
  })

  test('is refused when its session has been replaced meanwhile, and harms no task', async () => {
    const waits = begun()
    const older = ask(randomUUID())
    await waits
    await agent.registerAgain({ instanceId: randomUUID(), previousSessionId: agent.sessionId })
    const task = await create()
    expect((await (await older).json()).code).toBe('session_replaced')
    expect(await api.client.task(task.id)).toMatchObject({ status: 'queued', attempt: 1 })
    expect(await claimAndEnd()).toBe(`${task.id}.1`)
  })

  test('keeps waiting while all free room is reserved', async () => {
    const low = await create({ priority: 'low' })
    const high = await create({ module: 'other', priority: 'high' })
    const cramped = [other].map(({ name: module, version, digest }) => ({ module, version, digest, max: 0 }))
    const waits = begun()
    const waiting = ask(randomUUID(), { offers: [...offers, ...cramped] })
    await waits
    expect(await claimAndEnd()).toBe(`${high.id}.1`)
    // The tick sends the event, as for any agent that gets no tokens.
    clock.forward(2)
    await tick()
    expect((await (await waiting).json()).grant.run).toBe(`${low.id}.1`)
    await end(`${low.id}.1`)
  })

  test('given up at any moment and asked again with its id, is one grant and no more', async () => {
    for (let round = 0; round < 20; round += 1) {
      const claimId = randomUUID()
      const gone = new AbortController()
      const older = ask(claimId, {}, gone.signal).catch(() => null)
      const creating = Promise.all([create(), create()])
      await new Promise((resolve) => setTimeout(resolve, round))
      gone.abort()
      const { grant } = await until('the repetition is answered', 10, async () => {
        const answer = await ask(claimId)
        return answer.status !== 503 && answer.json()
      })
      await older
      const tasks = await creating
      const running = (await api.deps.store.tasks.many(tasks.map(({ id }) => id))).filter(
        ({ status }) => status === 'running',
      )
      expect(running.map(({ currentRun }) => currentRun)).toEqual([grant.run])
      await end(grant.run)
      await claimAndEnd()
    }
  })
})

describe('the best ready task', () => {
  test('is of the highest priority, then the oldest, over all modules offered', async () => {
    const low = await create({ priority: 'low' })
    const [first, second] = [await create(), await create({ module: 'other' })]
    const high = await create({ priority: 'high' })
    const order = [await claimAndEnd(), await claimAndEnd(), await claimAndEnd(), await claimAndEnd()]
    expect(order).toEqual(runs([high, first, second, low]))
  })

  test('is kept room for when it does not fit now: nothing lower is given out', async () => {
    const low = await create({ priority: 'low' })
    const high = await create({ module: 'other', priority: 'high' })
    const offer = (module: typeof echo, max: number) => ({
      module: module.name,
      version: module.version,
      digest: module.digest,
      max,
    })
    const ask = (echoMax: number, otherMax: number) =>
      agent.call('claim', {
        sessionId: agent.sessionId,
        claimId: randomUUID(),
        offers: [offer(echo, echoMax), offer(other, otherMax)],
      })
    expect(await (await ask(1, 0)).json()).toEqual({
      grant: null,
      reserve: { module: 'other', version: '1.0.0' },
    })
    expect((await ask(0, 0)).status).toBe(204)
    expect([await claimAndEnd(), await claimAndEnd()]).toEqual(runs([high, low]))
  })

  test('is not one whose time has not come; the tick opens it then', async () => {
    const notBefore = new Date(clock.now().getTime() + 60_000).toISOString()
    const later = await create({ notBefore })
    expect(later).toMatchObject({ status: 'queued', notBefore })
    await tick()
    expect(await agent.claim([echo])).toBeNull()
    clock.forward(61)
    await agent.registerAgain()
    await tick()
    expect(await claimAndEnd()).toBe(`${later.id}.1`)
  })

  test('is not one that was cancelled', async () => {
    const task = await create()
    await api.client.cancelTask(task.id)
    expect(await agent.claim([echo])).toBeNull()
  })
})

describe('limits', () => {
  test('hold when fifty claims race: never more than five run, and each run is granted once', async () => {
    await api.client.changeSettings({ maxRunningTasks: 5 })
    const tasks = await Promise.all(Array.from({ length: 20 }, () => create()))
    const wanted = new Set(runs(tasks))
    const granted: string[] = []
    while (granted.length < tasks.length) {
      const grants = await Promise.all(Array.from({ length: 50 }, () => agent.claim([echo])))
      const won = grants.flatMap((grant) => grant?.run ?? [])
      expect(won.length).toBeGreaterThan(0)
      expect(won.length).toBeLessThanOrEqual(5)
      const running = await api.client.listTasks({ status: 'running', limit: 200 })
      expect(running.items.length).toBe(won.length)
      granted.push(...won)
      await Promise.all(won.map(end))
    }
    expect(new Set(granted)).toEqual(wanted)
    expect(granted).toHaveLength(tasks.length)
    expect((await api.deps.store.slots.get('global'))?.holders).toEqual([])
    await api.client.changeSettings({ maxRunningTasks: 10 })
  })

  test('of a concurrency key let one run at a time, and the next opens when it ends', async () => {
    const tasks = [await create({ concurrencyKey: 'k' }), await create({ concurrencyKey: 'k' })]
    const free = await create({ concurrencyKey: 'other key' })
    expect((await agent.claim([echo]))?.run).toBe(`${tasks[0]?.id}.1`)
    expect((await agent.claim([echo]))?.run).toBe(`${free.id}.1`)
    expect(await agent.claim([echo])).toBeNull()
    await end(`${tasks[0]?.id}.1`)
    expect(await claimAndEnd()).toBe(`${tasks[1]?.id}.1`)
    await end(`${free.id}.1`)
  })
})
