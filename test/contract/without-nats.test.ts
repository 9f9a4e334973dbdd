import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { cuttable } from '../support/cuttable.ts'
import { problemOf } from '../support/problem-of.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { until } from '../support/until.ts'

let way: Awaited<ReturnType<typeof cuttable>>
let api: TestApi
let agent: ScriptedAgent
const natsIs = (state: 'ok' | 'away') =>
  until(`NATS is ${state}`, 20, async () => {
    const { nats } = await (await api.request('/readyz', { key: null })).json()
    return (nats === 'ok') === (state === 'ok')
  })
beforeAll(async () => {
  way = await cuttable(inject('servers').NATS_URL ?? '')
  api = await openApi((deps) => deps, { NATS_URL: way.url })
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
beforeEach(async () => {
  way.cut()
  await natsIs('away')
})
afterAll(async () => {
  way.mend()
  await natsIs('ok')
  await api.close()
  way.close()
})

const create = () => api.client.createTask({ module: 'echo' })
const claim = async () => (await agent.claim([echo]))?.run
const end = (run: string | undefined) => agent.finish(run ?? '', { outcome: 'succeeded', result: {} })

describe('while NATS is away', () => {
  test('the process is ready, and says what is away', async () => {
    const ready = await api.request('/readyz', { key: null })
    expect(ready.status).toBe(200)
    expect(await ready.json()).toMatchObject({ mongodb: 'ok', s3: 'ok' })
  })

  test('tasks are accepted, claimed, cancelled and finished', async () => {
    const [task, other] = [await create(), await create()]
    expect((await api.client.cancelTask(other.id)).status).toBe('cancelled')
    expect(await claim()).toBe(`${task.id}.1`)
    expect(await end(`${task.id}.1`)).toEqual({ applied: true })
    expect((await api.client.task(task.id)).status).toBe('succeeded')
  })

  test('a reader that waits gets the present state when its time is over', async () => {
    const task = await create()
    const start = Date.now()
    expect((await api.client.task(task.id, 2)).status).toBe('queued')
    expect(Date.now() - start).toBeLessThan(6_000)
    await api.client.cancelTask(task.id)
  })

  test('lines and logs that need it are 503 with Retry-After, never a 500', async () => {
    const task = await create()
    await claim()
    const lines = [{ n: 1, at: new Date().toISOString(), stream: 'stdout', line: 'a' }]
    for (const response of [
      await agent.call(`runs/${task.id}.1/logs`, { sessionId: agent.sessionId, lines }),
      await api.request(`/api/runs/${task.id}.1/logs`),
    ]) {
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
      expect(await problemOf(response)).toMatchObject({ status: 503, code: 'unavailable' })
    }
    way.mend()
    await natsIs('ok')
    await until('lines are taken again', 10, async () => {
      const sent = await agent.call(`runs/${task.id}.1/logs`, { sessionId: agent.sessionId, lines })
      return sent.status === 204
    })
    expect((await api.client.runLog(`${task.id}.1`)).map((line) => line.line)).toContain('a')
    await end(`${task.id}.1`)
  })
})
