import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { echo, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'

const clock = shiftedClock()
let api: TestApi
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
})
afterAll(() => api.close())

const registration = (more: object) => ({
  name: 'another',
  instanceId: randomUUID(),
  platform: { os: 'linux', arch: 'x64', cpus: 1, memoryBytes: 1 },
  version: '0',
  ...more,
})

describe('registering', () => {
  test('twice as the same process gives the same session', async () => {
    const agent = await scriptedAgent(api)
    const [id, session] = [agent.agentId, agent.sessionId]
    expect(await agent.registerAgain()).toMatchObject({ agentId: id, sessionId: session, runs: {} })
  })

  test('answers with the heartbeat interval and the address of NATS', async () => {
    const answer = await (await scriptedAgent(api)).registerAgain()
    expect(answer).toMatchObject({ heartbeatSeconds: 5, sessionTtlSeconds: 20 })
    expect(answer.nats.servers.length).toBeGreaterThan(0)
    const { NATS_AGENT_USER, NATS_AGENT_PASSWORD, NATS_PASSWORD = '' } = api.env
    expect(answer.nats).toMatchObject({ user: NATS_AGENT_USER, password: NATS_AGENT_PASSWORD })
    expect(JSON.stringify(answer)).not.toContain(NATS_PASSWORD)
  })

  test('as an agent of another key is forbidden', async () => {
    const agent = await scriptedAgent(api)
    const stranger = await scriptedAgent(api)
    const answer = await stranger.call('register', registration({ agentId: agent.agentId }))
    expect(await refusalOf(answer)).toEqual({ status: 403, code: 'forbidden' })
  })

  test('as a second live process is refused: agent_connected', async () => {
    const agent = await scriptedAgent(api)
    for (const previousSessionId of [undefined, `ses_${agent.sessionId.slice(4, -1)}0`]) {
      const answer = await agent.call('register', registration({ agentId: agent.agentId, previousSessionId }))
      expect(await refusalOf(answer)).toEqual({ status: 409, code: 'agent_connected' })
    }
    expect(await agent.heartbeat([])).toMatchObject({ runs: {}, commands: [] })
  })

  test('as a process that names the session it follows replaces it: session_replaced', async () => {
    const agent = await scriptedAgent(api)
    const old = agent.sessionId
    await agent.registerAgain({ instanceId: randomUUID(), previousSessionId: old })
    expect(agent.sessionId).not.toBe(old)
    const replaced = { status: 409, code: 'session_replaced' }
    const requests: [string, object, string][] = [
      ['heartbeat', { runs: [] }, 'POST'],
      ['claim', { claimId: randomUUID(), offers: [] }, 'POST'],
      ['modules', { modules: [] }, 'PUT'],
    ]
    for (const [path, body, method] of requests)
      expect(await refusalOf(await agent.call(path, { sessionId: old, ...body }, method)), path).toEqual(
        replaced,
      )
    expect(await agent.heartbeat([])).toMatchObject({ runs: {}, commands: [] })
  })

  test('again, after its session ended, leaves a late request of the old one expired, not replaced', async () => {
    const agent = await scriptedAgent(api)
    const old = agent.sessionId
    await api.deps.store.agents.change(agent.agentId, (doc) => ({ ...doc, sessionEndedAt: clock.now() }))
    await agent.registerAgain()
    expect(agent.sessionId).not.toBe(old)
    const late = await agent.call('claim', { sessionId: old, claimId: randomUUID(), offers: [] })
    expect(await refusalOf(late)).toEqual({ status: 409, code: 'session_expired' })
  })

  test('after a silence longer than a session lasts is possible for anybody with the key', async () => {
    const agent = await scriptedAgent(api)
    clock.forward(21)
    const answer = await agent.call('register', registration({ agentId: agent.agentId }))
    expect(answer.status).toBe(200)
    expect((await answer.json()).sessionId).not.toBe(agent.sessionId)
  })
})

describe('a session', () => {
  test("of another key's agent is as good as unknown", async () => {
    const [agent, stranger] = [await scriptedAgent(api), await scriptedAgent(api)]
    for (const sessionId of [agent.sessionId, 'ses_01ARZ3NDEKTSV4RRFFQ69G5FAV'])
      expect(await refusalOf(await stranger.call('heartbeat', { sessionId, runs: [] }))).toEqual({
        status: 409,
        code: 'session_expired',
      })
  })

  test('that was silent too long ends, and the agent registers again', async () => {
    const agent = await scriptedAgent(api)
    await agent.has([echo])
    await api.request('/api/tick', { method: 'POST' })
    for (let seconds = 0; seconds < 24; seconds += 4) {
      clock.forward(4) // a tick that comes late gives everybody their full time again
      await api.request('/api/tick', { method: 'POST' })
    }
    expect((await api.client.listAgents()).items.find((one) => one.id === agent.agentId)?.status).toBe(
      'offline',
    )
    const beat = await agent.call('heartbeat', { sessionId: agent.sessionId, runs: [] })
    expect(await refusalOf(beat)).toEqual({ status: 409, code: 'session_expired' })
    const old = agent.sessionId
    expect((await agent.registerAgain({ previousSessionId: old })).sessionId).not.toBe(old)
    expect(await agent.heartbeat([])).toMatchObject({ runs: {}, commands: [] })
  })
})

describe('the inventory', () => {
  test('makes modules known, and a module that is no longer reported goes', async () => {
    const agent = await scriptedAgent(api)
    await agent.has([echo])
    expect(await api.client.module('echo')).toMatchObject({
      name: 'echo',
      status: 'AVAILABLE',
      version: '1.0.0',
    })
    const mine = async () =>
      (await api.client.module('echo')).agents.some((one) => one.agentId === agent.agentId)
    expect(await mine()).toBe(true)
    await agent.has([])
    expect((await api.request('/api/modules/echo')).status === 404 || !(await mine())).toBe(true)
  })

  test('keeps each line of an install log once, and begins a new log with a new first line', async () => {
    const agent = await scriptedAgent(api)
    await agent.has([{ ...echo, status: 'INSTALLING' }])
    const line = (n: number, at: number) => ({
      n,
      at: new Date(at).toISOString(),
      stream: 'stdout' as const,
      line: `line ${n}`,
    })
    const send = (lines: object[]) =>
      agent.call('modules/echo/install-log', { sessionId: agent.sessionId, digest: echo.digest, lines })
    expect((await send([line(1, 0), line(2, 0)])).status).toBe(204)
    await send([line(1, 0), line(2, 0), line(3, 0)])
    await send([line(3, 0)])
    const log = async () =>
      (await (await api.request(`/api/modules/echo/install-log?agentId=${agent.agentId}`)).text())
        .split('\n')
        .filter(Boolean)
        .map((text) => JSON.parse(text).n)
    expect(await log()).toEqual([1, 2, 3])
    await send([line(1, 5)])
    expect(await log()).toEqual([1])
  })

  test('is read again on request: the command is repeated until it is carried out', async () => {
    const agent = await scriptedAgent(api)
    expect((await api.post('/api/modules/scan', { agentId: agent.agentId })).status).toBe(202)
    const first = await agent.heartbeat([])
    expect(first.commands).toMatchObject([{ kind: 'scan' }])
    expect((await agent.heartbeat([])).commands).toEqual(first.commands)
    const done = first.commands.flatMap((command) => ('id' in command ? [command.id] : []))
    expect((await agent.heartbeat([], { done })).commands).toEqual([])
    expect((await agent.heartbeat([])).commands).toEqual([])
    const unknown = await api.post('/api/modules/scan', { agentId: 'agt_01ARZ3NDEKTSV4RRFFQ69G5FAV' })
    expect(await refusalOf(unknown)).toEqual({ status: 422, code: 'invalid_request', paths: ['/agentId'] })
  })
})
