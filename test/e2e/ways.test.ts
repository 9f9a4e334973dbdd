import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type AgentProcess, agentProcess } from '../support/agent-process.ts'
import { type Installation, installation } from '../support/installation.ts'
import { type ObservedRequest, observedHttp } from '../support/observed-http.ts'
import { processesOfTask } from '../support/processes-of.ts'
import { expectQuiet } from '../support/quiet.ts'
import { until } from '../support/until.ts'

/** Whichever way an agent hears of its work, the same comes of it. */
describe.each(['jetstream', 'http'])('over %s', (queue) => {
  const modules = ['misbehave', 'text-stats'] as const
  let here: Installation
  let other: AgentProcess
  beforeAll(async () => {
    here = await installation(modules, { agent: { MILLRACE_QUEUE: queue, MAX_RUNS: '2' } })
    const { secret } = await here.client.createKey({ name: 'other', scopes: ['agent'] })
    other = await agentProcess(here.api.url, secret ?? '', modules, { MILLRACE_QUEUE: queue, MAX_RUNS: '2' })
    await here.agent.available(here.client)
  })
  afterAll(async () => {
    await other?.close()
    await here?.close()
  })

  const create = (inputs: Record<string, string | number>, more: object = {}) =>
    here.client.createTask({ module: 'misbehave', inputs, ...more })
  const ended = (id: Awaited<ReturnType<typeof create>>['id'], seconds = 60) =>
    until(`task ${id} has ended`, seconds, async () => {
      const task = await here.client.task(id, 5)
      return task.finishedAt !== null && task
    })

  test('a task runs, and is claimed as soon as it is queued', async () => {
    const before = Date.now()
    const task = await create({ do: 'behave' })
    expect(await ended(task.id)).toMatchObject({ status: 'succeeded', attempt: 1 })
    expect(Date.now() - before).toBeLessThan(8_000)
    await expectQuiet(here.store, [task.id])
  })

  test('a reader that follows a run sees its progress and its lines while it runs', async () => {
    const task = await create({ do: 'sleep', seconds: 3 })
    await until('it runs', 30, async () => (await here.client.task(task.id)).status === 'running')
    let seen = 0
    for await (const event of here.client.follow(`${task.id}.1`)) {
      if (!('progress' in event) || ++seen < 3) continue
      expect((await here.client.task(task.id)).status).toBe('running')
      break
    }
    expect(seen).toBe(3)
    await ended(task.id)
  })

  test('a cancel reaches the module, whose last line arrives live', async () => {
    const task = await create({ do: 'heed-cancel' })
    await until('it runs', 30, async () => (await processesOfTask(task.id)).length > 0)
    const lines: string[] = []
    for await (const event of here.client.follow(`${task.id}.1`)) {
      if (!('line' in event)) continue
      lines.push(event.line.line)
      if (event.line.line !== 'listening') continue
      expect((await here.client.task(task.id)).status).toBe('running')
      await here.client.cancelTask(task.id)
    }
    expect(lines).toEqual(['listening', 'heard {"type":"cancel"}'])
    expect(await ended(task.id)).toMatchObject({
      status: 'cancelled',
      error: { detail: { confirmed: true } },
    })
    await expectQuiet(here.store, [task.id])
  })

  test('what is more urgent goes first', async () => {
    const busy = await Promise.all([1, 2].map(() => create({ do: 'sleep', seconds: 2 })))
    await until('the agent is full', 30, async () =>
      (await Promise.all(busy.map(({ id }) => here.client.task(id)))).every(
        ({ status }) => status === 'running',
      ),
    )
    const low = await create({ do: 'sleep', seconds: 1 }, { priority: 'low' })
    const normal = [await create({ do: 'sleep', seconds: 1 }), await create({ do: 'sleep', seconds: 1 })]
    const high = await create({ do: 'sleep', seconds: 1 }, { priority: 'high' })
    const all = await Promise.all([high, ...normal, low].map(({ id }) => ended(id)))
    const starts = all.map(({ startedAt }) => Date.parse(startedAt ?? ''))
    expect(starts).toEqual(starts.toSorted((a, b) => a - b))
    for (const { id } of busy) await ended(id)
  })

  test('an API that is killed and started again finds its agent back, and the run goes on', async () => {
    const task = await create({ do: 'sleep', seconds: 4 })
    await until('it runs', 30, async () => (await processesOfTask(task.id)).length > 0)
    here.api.program.kill('SIGKILL')
    await here.api.program.ended
    await here.api.start()
    expect(await ended(task.id)).toMatchObject({ status: 'succeeded', attempt: 1 })
    const next = await create({ do: 'behave' })
    expect(await ended(next.id)).toMatchObject({ status: 'succeeded', attempt: 1 })
    await expectQuiet(here.store, [task.id, next.id])
  })

  test('two agents share the tasks, and run none twice', async () => {
    other.start()
    await until(
      'both have it',
      120,
      async () =>
        (await here.client.module('misbehave')).agents.filter(({ status }) => status === 'AVAILABLE')
          .length === 2,
    )
    const tasks = await Promise.all(Array.from({ length: 16 }, () => create({ do: 'sleep', seconds: 0.5 })))
    for (const { id } of tasks) expect(await ended(id)).toMatchObject({ status: 'succeeded', attempt: 1 })
    const ids = tasks.map(({ id }) => id)
    const runs = await here.store.runs.find({ task: { $in: ids } }, { limit: 100 })
    expect(runs).toHaveLength(16)
    expect(new Set(runs.map(({ agentId }) => agentId)).size).toBe(2)
    await expectQuiet(here.store, ids)
  })

  test('an agent that is stopped while it waits is gone at once', async () => {
    other.program.kill('SIGTERM')
    const before = Date.now()
    expect(await other.program.ended).toEqual({ code: 0, signal: null })
    expect(Date.now() - before).toBeLessThan(5_000)
  })
})

describe('over http alone', () => {
  test('an idle agent sends one claim in 15 s, touches nothing but the API, and loses no grant with an answer', async () => {
    const servers: Record<string, string> = inject('servers')
    const here = await installation([], { api: { NATS_PUBLIC_URL: 'nats://127.0.0.1:9', ...servers } })
    await here.agent.close()
    const { secret } = await here.client.createKey({ name: 'agent', scopes: ['agent'] })
    const way = await observedHttp(here.api.url)
    const agent = await agentProcess(way.url, secret ?? '', ['misbehave', 'text-stats'], {
      MILLRACE_QUEUE: 'http',
      MAX_RUNS: '4',
    })
    try {
      agent.start()
      await agent.available(here.client)
      const isClaim = ({ path }: ObservedRequest) => path === '/agent/v1/claim'
      const claims = () => way.requests.filter(isClaim)
      await until('it waits', 30, () => claims().some(({ answered }) => answered === null))
      const from = claims().length
      const since = Date.now()
      await until('three more have been asked', 60, () => claims().length >= from + 3)
      expect(Date.now() - since).toBeGreaterThan(29_000)

      // The connection breaks under every second grant, just before its answer would have passed.
      let grants = 0
      way.onMoment = (moment, request, link) => {
        if (moment !== 'answer' || !isClaim(request) || request.answered !== 200) return
        if (++grants % 2 === 1) link.cut('reset')
      }
      const tasks = await Promise.all(
        Array.from({ length: 20 }, () =>
          here.client.createTask({ module: 'text-stats', inputs: { text: 'one two' } }, randomUUID()),
        ),
      )
      for (const { id } of tasks)
        await until('all have ended', 60, async () => {
          const task = await here.client.task(id, 5)
          if (task.finishedAt) expect(task).toMatchObject({ status: 'succeeded', attempt: 1 })
          return task.finishedAt
        })
      expect(grants).toBeGreaterThanOrEqual(20)
      await expectQuiet(
        here.store,
        tasks.map(({ id }) => id),
      )
      expect(agent.program.lines.join('\n')).not.toMatch(/NATS/)
    } finally {
      await agent.close()
      way.close()
      await here.close()
    }
  }, 180_000)
})
