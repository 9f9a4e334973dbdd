import { tick } from '@millrace/api/life'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'

/** Agents that are to take no new work: paused or drained by operators, or by the owner of the machine. */

const clock = shiftedClock()
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
})
afterAll(() => api.close())
beforeEach(async () => {
  clock.forward(40) // the agents of the test before are gone
  await api.client.cancelTasks({ createdAfter: '2020-01-01T00:00:00Z' })
  agent = await scriptedAgent(api)
  await agent.has([echo])
})

const create = () => api.client.createTask({ module: 'echo', inputs: { text: 'x' } })
const status = async () => (await api.client.agent(agent.agentId)).status
const kinds = async () => (await agent.heartbeat([])).commands.map(({ kind }) => kind)

test('a paused agent gets nothing new, knows why, and goes on with what it has', async () => {
  const first = await create()
  const grant = await agent.claim([echo])
  const paused = await api.client.pauseAgent(agent.agentId, { note: 'new fans' })
  expect(paused).toMatchObject({
    status: 'paused',
    rest: { kind: 'paused', by: 'operator', note: 'new fans', until: null },
  })
  const second = await create()
  expect(await agent.claim([echo])).toBeNull()
  expect((await api.client.why(second.id)).map(({ reason }) => reason)).toEqual(['paused'])
  const beat = await agent.heartbeat([`${first.id}.1`])
  expect(beat).toMatchObject({
    runs: { [`${first.id}.1`]: 'keep' },
    commands: [{ kind: 'pause' }],
    rest: { kind: 'paused', note: 'new fans' },
  })
  await agent.finish(grant?.run ?? '', { outcome: 'succeeded', result: { said: { value: 'x' } } })
  expect((await api.client.task(first.id)).status).toBe('succeeded')
  expect(await api.client.resumeAgent(agent.agentId)).toMatchObject({ status: 'online', rest: null })
  expect((await agent.claim([echo]))?.run).toBe(`${second.id}.1`)
})

test('of several wishes the last counts', async () => {
  await api.client.pauseAgent(agent.agentId)
  expect(await api.client.drainAgent(agent.agentId)).toMatchObject({ status: 'draining' })
  expect(await kinds()).toEqual(['drain'])
  await api.client.resumeAgent(agent.agentId)
  expect(await kinds()).toEqual(['resume'])
})

test('a pause with an end ends by itself, and the agent resumes', async () => {
  const resumeAt = new Date(clock.now().getTime() + 60_000).toISOString()
  await api.client.pauseAgent(agent.agentId, { resumeAt })
  const task = await create()
  expect(await agent.claim([echo])).toBeNull()
  clock.forward(61)
  await agent.registerAgain()
  expect(await status()).toBe('online')
  expect(await agent.heartbeat([])).toMatchObject({ rest: null })
  expect((await agent.claim([echo]))?.run).toBe(`${task.id}.1`)
  await tick(api.deps)
  expect(await kinds()).toEqual(['resume'])
})

test('what its owner wants is shown, until he wants it no more', async () => {
  const rest = { kind: 'paused', note: 'a game', until: null }
  await agent.call('heartbeat', { sessionId: agent.sessionId, runs: [], rest })
  expect(await api.client.agent(agent.agentId)).toMatchObject({
    status: 'paused',
    rest: { by: 'owner', note: 'a game' },
  })
  await agent.heartbeat([])
  expect(await status()).toBe('online')
})

test('unknown agents, unknown keys and times that are none are refused', async () => {
  const post = (path: string, body: object) => api.post(path, body)
  expect((await post('/api/agents/agt_01ARZ3NDEKTSV4RRFFQ69G5FAV/pause', {})).status).toBe(404)
  expect((await post(`/api/agents/${agent.agentId}/pause`, { until: 'soon' })).status).toBe(422)
  expect((await post(`/api/agents/${agent.agentId}/pause`, { resumeAt: 'soon' })).status).toBe(422)
})
