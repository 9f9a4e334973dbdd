import type { FinishRequest } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'

/** Agents whose clocks are not the API's. */

const clock = shiftedClock()
const day = 24 * 3600
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterAll(() => api.close())

const at = (secondsFromNow: number) => new Date(clock.now().getTime() + secondsFromNow * 1000).toISOString()

/** A task whose attempt takes eight seconds by the API's clock. */
async function ranFor8Seconds(times: () => Pick<FinishRequest, 'startedAt' | 'finishedAt'>) {
  const { id } = await api.client.createTask({ module: 'echo' })
  const run = `${id}.1` as const
  await agent.claim([echo])
  clock.forward(8)
  await agent.finish(run, { outcome: 'succeeded', ...times() })
  return run
}

describe('the duration of a run is true, although its agent', () => {
  test.each<[string, number, number, number]>([
    ['agrees', -7, -1, 7],
    ['is ten minutes ahead', 593, 599, 6],
    ['is two days behind', -2 * day - 7, -2 * day - 1, 6],
    ['jumped two days ahead meanwhile', -7, 2 * day, 8],
    ['jumped four days back meanwhile', -7, -4 * day, 8],
    ['reports nonsense', 50 * 365 * day, -50 * 365 * day, 8],
  ])('%s', async (_, from, to, seconds) => {
    const told = await ranFor8Seconds(() => ({ startedAt: at(from), finishedAt: at(to) }))
    const run = await api.client.run(told)
    expect(run.durationSeconds).toBeGreaterThan(seconds - 0.5)
    expect(run.durationSeconds).toBeLessThan(seconds + 0.5)
    expect(Date.parse(run.finishedAt ?? '')).toBeLessThanOrEqual(clock.now().getTime())
  })

  test('reports no times', async () => {
    const run = await api.client.run(await ranFor8Seconds(() => ({})))
    expect(run.durationSeconds).toBeCloseTo(8, 0)
  })
})

test('a recent run is kept for its retention time, whatever time its agent reported', async () => {
  await api.client.changeSettings({ retentionDays: { runs: 30 } })
  const run = await ranFor8Seconds(() => ({ startedAt: at(-40 * day - 8), finishedAt: at(-40 * day) }))
  const { id } = await api.client.createTask({ module: 'echo' })
  await agent.claim([echo])
  clock.forward(40 * day) // its agent was offline for long, and reports that
  await agent.registerAgain()
  await agent.finish(`${id}.1`, { outcome: 'succeeded', finishedAt: at(-39 * day) })
  clock.forward(2 * 3600)
  for (let steps = 0; steps < 3; steps += 1) await api.request('/api/tick', { method: 'POST' })
  const kept = async (one: string) => (await api.request(`/api/runs/${one}`)).status
  expect(await kept(run), 'past its days').toBe(404)
  expect(await kept(`${id}.1`), 'ended today, as far as the API knows').toBe(200)
})

test("agents get the API's time, and operators see the offset of an agent's clock", async () => {
  const fresh = await scriptedAgent(api)
  const { now } = await fresh.heartbeat([], { clockOffsetSeconds: 600.25 })
  expect(Math.abs(Date.parse(now ?? '') - clock.now().getTime())).toBeLessThan(2000)
  const told = await fresh.registerAgain()
  expect(Math.abs(Date.parse(told.now ?? '') - clock.now().getTime())).toBeLessThan(2000)
  expect((await api.client.agent(fresh.agentId)).clockOffsetSeconds).toBe(600.25)
})
