import { type LogLine, logSubject, type RunId } from '@millrace/shared'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { openEvents } from '../support/event-reader.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { until } from '../support/until.ts'
import { agentWithKey } from '../support/untrusted-agent.ts'

let api: TestApi
let agent: ScriptedAgent
let other: ScriptedAgent
let nats: NatsConnection
let operator: NatsConnection
let run: RunId
let taskId: `tsk_${string}`
const servers: Record<string, string> = inject('servers')

beforeAll(async () => {
  api = await openApi()
  agent = await scriptedAgent(api)
  other = await scriptedAgent(api)
  await agent.registerAgain({ signsLines: true })
  await agent.has([echo])
  const { NATS_URL, NATS_USER: user, NATS_PASSWORD: pass, NATS_AGENT_USER, NATS_AGENT_PASSWORD } = servers
  nats = await connect({
    servers: NATS_URL,
    user: NATS_AGENT_USER,
    pass: NATS_AGENT_PASSWORD,
    inboxPrefix: '_INBOX_agent',
  })
  operator = await connect({ servers: NATS_URL, user, pass })
})
beforeEach(async () => {
  const task = await api.client.createTask({ module: 'echo', maxAttempts: 1 })
  taskId = task.id
  run = `${task.id}.1`
})
afterAll(async () => {
  await nats?.close()
  await operator?.close()
  await api.close()
})

const at = '2026-11-21T00:00:00.000Z'
const line = (n: number, text = `line ${n}`): LogLine => ({ n, at, stream: 'stdout', line: text })
const say = (lines: LogLine[]) => agent.call(`runs/${run}/logs`, { sessionId: agent.sessionId, lines })
/** Many batches at once, as the agent's process sends them over NATS. */
async function stream(count: number): Promise<void> {
  for (let n = 1; n <= count; n += 1) {
    const batch = { v: 1, from: n, lines: [line(n, 'x'.repeat(2_000))], instance: agent.instanceId }
    nats.publish(logSubject(agent.agentId, run), JSON.stringify(batch))
  }
  await nats.flush()
  // The server has them all; its stream stores them a moment later.
  await until('all batches are stored', 10, async () => (await storedBatches()) === count)
}

async function storedBatches(): Promise<number | undefined> {
  const subject = logSubject(agent.agentId, run)
  const { streams } = await jetstreamManager(operator, { checkAPI: false })
  return (await streams.info('LOGS', { subjects_filter: subject })).state.subjects?.[subject]
}

async function forge(as: ScriptedAgent, more: object): Promise<void> {
  const lines = [line(1, 'forged'), line(1_000_000_000, 'forged')]
  const batch = { v: 1, from: 1, lines, progress: { message: 'forged' }, ...more }
  nats.publish(logSubject(as.agentId, run), JSON.stringify(batch))
  nats.publish(logSubject(as.agentId, run), 'no JSON')
  await nats.flush()
}

async function consumersOfTask() {
  const manager = await jetstreamManager(operator, { checkAPI: false })
  const found = await manager.consumers.list('LOGS').next()
  return found.map(({ config }) => config).filter((config) => JSON.stringify(config).includes(taskId))
}
const consumers = async (): Promise<number> => (await consumersOfTask()).length

describe('only the lines of the agent that has a run are shown', () => {
  test('to readers that follow it and to later readers', async () => {
    await agent.claim([echo])
    const task = await openEvents(api, `/api/tasks/${taskId}/events`)
    const log = await openEvents(api, `/api/runs/${run}/logs?follow=1`)
    const forgeries = [{}, { instance: other.instanceId }, { instance: 'guess-guess' }, { instance: run }]
    for (const forged of forgeries) for (const as of [agent, other]) await forge(as, forged)
    await say([line(1), line(2)])
    for (const forged of forgeries) await forge(agent, forged)
    await say([line(3)])
    const shown = async (events: typeof task) => {
      const lines: unknown[] = []
      while (lines.length < 3) {
        const told = await events.next()
        expect(JSON.stringify(told)).not.toContain('forged')
        if (told?.event === 'log') lines.push(told.data.line)
      }
      await events.close()
      return lines
    }
    expect(await shown(task)).toEqual(['line 1', 'line 2', 'line 3'])
    expect(await shown(log)).toEqual(['line 1', 'line 2', 'line 3'])
    expect((await api.client.runLog(run)).map((one) => one.line)).toEqual(['line 1', 'line 2', 'line 3'])
    await agent.finish(run, { outcome: 'failed', result: {} })
    // No archive came: what reached the stream is kept, and nothing else.
    await until('the lines are archived', 30, async () => {
      await api.post('/api/tick', {})
      return (await api.deps.store.runs.get(run))?.archive === 'done'
    })
    expect((await api.client.runLog(run)).map((one) => one.line)).toEqual(['line 1', 'line 2', 'line 3'])
  })

  test('however many processes others make up before it has said anything', async () => {
    await agent.claim([echo])
    for (let n = 0; n < 150; n += 1) await forge(agent, { instance: `made-up-${n}` })
    await say([line(1)])
    expect((await api.client.runLog(run)).map((one) => one.line)).toEqual(['line 1'])
    await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'a' } } })
  })

  test('also while it waits for its agent', async () => {
    const log = await openEvents(api, `/api/runs/${run}/logs?follow=1`)
    await forge(other, { instance: other.instanceId })
    await agent.claim([echo])
    await say([line(1)])
    expect((await log.next())?.data).toMatchObject({ line: 'line 1' })
    await log.close()
    await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'a' } } })
  })

  test('those of an agent of an older version, by its subject alone', async () => {
    await agent.registerAgain({ signsLines: false })
    await agent.claim([echo])
    await forge(other, {})
    const batch = { v: 1, from: 1, lines: [line(1)] }
    nats.publish(logSubject(agent.agentId, run), JSON.stringify(batch))
    await nats.flush()
    await until('the line has arrived', 10, async () => (await api.client.runLog(run)).length > 0)
    expect((await api.client.runLog(run)).map((one) => one.line)).toEqual(['line 1'])
    await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'a' } } })
  })
})

test('no answer has the instanceId by which an agent signs its lines', async () => {
  await agent.claim([echo])
  await say([line(1)])
  const paths = [
    '/api/agents',
    `/api/agents/${agent.agentId}`,
    '/api/runs',
    `/api/runs/${run}`,
    `/api/tasks/${taskId}`,
    `/api/runs/${run}/logs`,
    '/api/modules',
    '/api/modules/echo',
    '/api/summary',
    '/api/audit',
  ]
  for (const path of paths) {
    const answer = await api.request(path)
    expect(answer.status, path).toBe(200)
    expect(await answer.text(), path).not.toContain(agent.instanceId)
  }
  const mine = await agent.registerAgain({ signsLines: true })
  expect(JSON.stringify(mine)).not.toContain(agent.instanceId)
  await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'a' } } })
})

test('a token that another agent takes is sent again, and its task goes to no other', async () => {
  const hostile = await agentWithKey(api, { modules: ['another'] })
  const inbox = nats.subscribe('_INBOX_agent.taken', { max: 1 })
  const pull = '$JS.API.CONSUMER.MSG.NEXT.WORK.echo'
  nats.publish(pull, '{"batch":1,"expires":5000000000}', { reply: '_INBOX_agent.taken' })
  const [token] = await Array.fromAsync(inbox)
  await nats.request(token?.reply ?? '', '+TERM')
  expect(await hostile.claim([echo])).toBeNull()
  await until('no token waits', 10, async () => {
    await clearTokens()
    return (await api.deps.bus.pendingTokens('echo')) === 0
  })
  await until('a token is waiting again', 30, async () => {
    await api.post('/api/tick', {})
    return (await api.deps.bus.pendingTokens('echo')) > 0
  })
  expect(await hostile.claim([echo])).toBeNull()
  expect((await agent.claim([echo]))?.run).toBe(run)
  await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'a' } } })
})

/** Tokens of the tests before. */
async function clearTokens(): Promise<void> {
  const manager = await jetstreamManager(operator, { checkAPI: false })
  await manager.streams.purge('WORK', { filter: 'work.echo' })
}

describe('the log stream of NATS has', () => {
  test('one consumer for all readers of a run, and none when the last has gone', async () => {
    await agent.claim([echo])
    await say([line(1)])
    const readers = []
    for (let left = 12; left > 0; left -= 1)
      readers.push(await openEvents(api, `/api/runs/${run}/logs?follow=1`))
    for (const reader of readers) expect((await reader.next())?.data).toMatchObject({ n: 1 })
    await until('no reader needs older lines', 10, async () => (await consumers()) <= 1)
    await say([line(2)])
    for (const reader of readers) expect((await reader.next())?.data).toMatchObject({ n: 2 })
    expect(await consumersOfTask()).toMatchObject([{ inactive_threshold: 30e9 }])
    for (const reader of readers.slice(1)) await reader.close()
    await say([line(3)])
    expect((await readers[0]?.next())?.data).toMatchObject({ n: 3 })
    expect(await consumers()).toBe(1)
    await readers[0]?.close()
    await until('the last consumer is gone', 10, async () => (await consumers()) === 0)
    await api.client.runLog(run)
    expect(await consumers()).toBe(0)
    await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'a' } } })
  })

  test('none for a reader that has the lines it wanted before the last', async () => {
    await agent.claim([echo])
    await stream(100)
    expect((await api.client.runLog(run, { limit: 2 })).map(({ n }) => n)).toEqual([1, 2])
    expect(await consumers()).toBe(0)
    await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'a' } } })
  })

  test('none for a reader that asks for the headers alone', async () => {
    await agent.claim([echo])
    await say([line(1)])
    const head = await api.request(`/api/runs/${run}/logs?follow=1`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    const reader = await openEvents(api, `/api/runs/${run}/logs?follow=1`)
    expect((await reader.next())?.data).toMatchObject({ n: 1 })
    await reader.close()
    await until('no reader is left', 10, async () => (await consumers()) === 0)
    await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'a' } } })
  })

  test('all lines, and the end, for a reader that is behind when the run ends', async () => {
    await agent.claim([echo])
    const count = 300
    await stream(count)
    const reader = await openEvents(api, `/api/runs/${run}/logs?follow=1`)
    expect((await reader.next())?.data).toMatchObject({ n: 1 })
    await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'a' } } })
    const numbers = (await reader.take(count - 1)).map(({ data }) => data.n)
    expect(numbers).toEqual(Array.from({ length: count - 1 }, (_, at) => at + 2))
    expect((await reader.next())?.event).toBe('end')
    await reader.close()
  })

  test('all lines for a reader that is slower than the others', async () => {
    await agent.claim([echo])
    const [slow, fast] = [
      await openEvents(api, `/api/runs/${run}/logs?follow=1`),
      await openEvents(api, `/api/runs/${run}/logs?follow=1`),
    ]
    const count = 300
    await stream(count)
    for (const reader of [fast, slow]) {
      const numbers = (await reader.take(count)).map(({ data }) => data.n)
      expect(numbers).toEqual(Array.from({ length: count }, (_, at) => at + 1))
      await reader.close()
    }
    await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'a' } } })
  })
})
