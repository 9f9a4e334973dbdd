import { tick } from '@millrace/api'
import type { FinishRequest } from '@millrace/shared'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { expectQuiet } from '../support/quiet.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'

const clock = shiftedClock()
let api: TestApi
let agent: ScriptedAgent
let task: Awaited<ReturnType<TestApi['client']['createTask']>>
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock, random: () => 1 }))
})
beforeEach(async () => {
  agent = await scriptedAgent(api)
  await agent.has([echo])
  task = await api.client.createTask({ module: 'echo', inputs: { text: 'x' } })
  expect((await agent.claim([echo]))?.run).toBe(`${task.id}.1`)
})
afterAll(() => api.close())

const run = (attempt: number) => `${task.id}.${attempt}`
const said: Omit<FinishRequest, 'sessionId'> = { outcome: 'succeeded', result: { said: { value: 'done' } } }
const failed: Omit<FinishRequest, 'sessionId'> = {
  outcome: 'failed',
  error: { code: 'crashed', message: 'it crashed', retryable: true },
}
const now = () => api.client.task(task.id)
/** Two heartbeats in succession that do not name the run. */
async function forget(): Promise<void> {
  clock.forward(6)
  await agent.heartbeat([])
  await agent.heartbeat([])
}

test('a running task that lost its places gets them back, and can be lost again', async () => {
  await api.deps.store.slots.change('global', (slot) => ({ ...slot, holders: [] }))
  clock.forward(70)
  await agent.heartbeat([run(1)])
  await tick(api.deps)
  const slot = await api.deps.store.slots.get('global')
  expect(slot?.holders.map((holder) => holder.run)).toEqual([run(1)])
  await forget()
  expect(await now()).toMatchObject({ status: 'queued', attempt: 2 })
  await api.client.cancelTask(task.id)
})

describe('a heartbeat', () => {
  test('keeps what is running, cancels what is asked to stop, stops what is no longer wanted', async () => {
    expect((await agent.heartbeat([run(1)])).runs).toEqual({ [run(1)]: 'keep' })
    await api.client.cancelTask(task.id)
    expect((await agent.heartbeat([run(1), run(7)])).runs).toEqual({ [run(1)]: 'cancel', [run(7)]: 'stop' })
    expect(await agent.finish(run(1), { outcome: 'cancelled' })).toEqual({ applied: true })
    expect((await agent.heartbeat([run(1)])).runs).toEqual({ [run(1)]: 'stop' })
    expect(await now()).toMatchObject({
      status: 'cancelled',
      error: { code: 'cancelled', detail: { confirmed: true } },
    })
  })

  test('carries progress, which the running task shows', async () => {
    const runs = [{ runId: run(1), progress: { percent: 40, message: 'on the way' } }]
    await agent.heartbeat([], { runs })
    expect((await now()).progress).toEqual({ percent: 40, message: 'on the way' })
    await agent.finish(run(1), said)
    expect((await now()).progress).toBeNull()
  })

  test('that misses a run once harms nothing; twice, and the run is lost', async () => {
    clock.forward(6)
    await agent.heartbeat([])
    expect((await now()).status).toBe('running')
    await agent.heartbeat([run(1)])
    await agent.heartbeat([])
    expect((await now()).status).toBe('running')
    await agent.heartbeat([])
    expect(await now()).toMatchObject({ status: 'queued', attempt: 2, currentRun: run(2) })
    expect(await api.client.run(`${task.id}.1`)).toMatchObject({
      status: 'lost',
      willRetry: true,
      nextRunId: run(2),
      error: { code: 'lost' },
    })
    expect((await agent.claim([echo]))?.run).toBe(run(2))
    await agent.finish(run(2), said)
    await expectQuiet(api.deps.store, [task.id])
  })
})

describe('a lost run', () => {
  test('goes on when its agent comes back before anybody claimed the next attempt', async () => {
    await forget()
    expect((await agent.heartbeat([run(1)])).runs).toEqual({ [run(1)]: 'keep' })
    expect(await now()).toMatchObject({ status: 'running', currentRun: run(1) })
    expect(await api.client.run(`${task.id}.1`)).toMatchObject({ status: 'running', error: null })
    expect(await api.client.run(`${task.id}.2`)).toMatchObject({ status: 'cancelled' })
    expect(await agent.claim([echo])).toBeNull()
    expect(await agent.finish(run(1), said)).toEqual({ applied: true })
    expect(await now()).toMatchObject({ status: 'succeeded', result: { said: 'done' } })
    await expectQuiet(api.deps.store, [task.id])
  })

  test('is to be stopped once the next attempt was claimed, and its report is stale', async () => {
    await forget()
    expect((await agent.claim([echo]))?.run).toBe(run(2))
    expect((await agent.heartbeat([run(1), run(2)])).runs).toEqual({ [run(1)]: 'stop', [run(2)]: 'keep' })
    expect(await agent.finish(run(1), said)).toEqual({ stale: true })
    expect(await now()).toMatchObject({ status: 'running', currentRun: run(2), result: null })
    await agent.finish(run(2), said)
    await expectQuiet(api.deps.store, [task.id])
  })

  test('that reports success before a new claim counts', async () => {
    await forget()
    expect(await agent.finish(run(1), said)).toEqual({ applied: true })
    expect(await agent.finish(run(1), said)).toEqual({ applied: true })
    expect(await now()).toMatchObject({ status: 'succeeded', currentRun: run(1), result: { said: 'done' } })
    expect(await agent.claim([echo])).toBeNull()
    await expectQuiet(api.deps.store, [task.id])
  })

  test('that reports failure before a new claim changes only its own history', async () => {
    await forget()
    expect(await agent.finish(run(1), failed)).toEqual({ applied: true })
    expect(await now()).toMatchObject({ status: 'queued', attempt: 2, error: null })
    expect(await api.client.run(`${task.id}.1`)).toMatchObject({ status: 'failed', nextRunId: run(2) })
    expect((await agent.claim([echo]))?.run).toBe(run(2))
    await agent.finish(run(2), said)
  })

  test('can be cancelled like any waiting task; then it is stopped', async () => {
    await forget()
    expect(await api.client.cancelTask(task.id)).toMatchObject({ status: 'cancelled' })
    expect((await agent.heartbeat([run(1)])).runs).toEqual({ [run(1)]: 'stop' })
    expect(await agent.finish(run(1), said)).toEqual({ stale: true })
    await expectQuiet(api.deps.store, [task.id])
  })

  test('of a task being cancelled ends it, unconfirmed', async () => {
    await api.client.cancelTask(task.id)
    await forget()
    expect(await now()).toMatchObject({ status: 'cancelled', error: { detail: { confirmed: false } } })
    await expectQuiet(api.deps.store, [task.id])
  })

  test('is tried three times more, then the task has failed with agent_lost', async () => {
    for (const attempt of [2, 3, 4]) {
      await forget()
      expect(await now()).toMatchObject({ status: 'queued', attempt })
      clock.forward(300)
      await agent.heartbeat([])
      await api.request('/api/tick', { method: 'POST' })
      expect((await agent.claim([echo]))?.run).toBe(run(attempt))
    }
    await forget()
    expect(await now()).toMatchObject({ status: 'failed', error: { code: 'agent_lost', retryable: false } })
    await expectQuiet(api.deps.store, [task.id])
  })
})

describe('a process that registers', () => {
  test('keeps what it holds, and what it does not hold is lost at once', async () => {
    const second = await api.client.createTask({ module: 'echo' })
    expect((await agent.claim([echo]))?.run).toBe(`${second.id}.1`)
    const answer = await agent.registerAgain({ previousSessionId: agent.sessionId, heldRuns: [run(1)] })
    expect(answer.runs).toEqual({ [run(1)]: 'keep' })
    expect((await now()).status).toBe('running')
    expect(await api.client.task(second.id)).toMatchObject({ status: 'queued', attempt: 2 })
    await agent.finish(run(1), said)
    await api.client.cancelTask(second.id)
  })

  test("cannot finish another agent's run", async () => {
    const stranger = await scriptedAgent(api)
    expect(await stranger.finish(run(1), said)).toEqual({ stale: true })
    expect((await stranger.heartbeat([run(1)])).runs).toEqual({ [run(1)]: 'stop' })
    const files = [
      { output: 'copy', n: 0, name: 'a', size: 1, sha256: 'a'.repeat(64), contentType: 'text/plain' },
    ]
    const outputs = await stranger.call(`runs/${run(1)}/outputs`, { sessionId: stranger.sessionId, files })
    expect(outputs.status).toBe(404)
    const lines = [{ n: 1, at: new Date().toISOString(), stream: 'stdout', line: 'not mine' }]
    const logs = await stranger.call(`runs/${run(1)}/logs`, { sessionId: stranger.sessionId, lines })
    expect(logs.status).toBe(404)
    expect((await now()).status).toBe('running')
    await agent.finish(run(1), said)
  })
})
