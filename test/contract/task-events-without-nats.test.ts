import type { LogLine } from '@millrace/shared'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { cuttable } from '../support/cuttable.ts'
import { openEvents } from '../support/event-reader.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { until } from '../support/until.ts'
import { bytesOf } from '../support/upload-by-hand.ts'

let way: Awaited<ReturnType<typeof cuttable>>
let here: TestApi
let elsewhere: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  way = await cuttable(inject('servers').NATS_URL ?? '')
  here = await openApi((deps) => deps, { NATS_URL: way.url })
  // A second process on the same database, whose announcements do not reach the first one while NATS is away.
  elsewhere = await openApi((deps) => ({ ...deps, store: here.deps.store }))
  agent = await scriptedAgent(elsewhere)
  await agent.has([echo])
})
afterAll(async () => {
  way.mend()
  await here.close()
  await elsewhere.deps.bus.close()
  way.close()
})

const line = (n: number): LogLine => ({ n, at: '2026-11-21T00:00:00.000Z', stream: 'stdout', line: `${n}` })
const say = (run: string, ...numbers: number[]) =>
  agent.call(`runs/${run}/logs`, { sessionId: agent.sessionId, lines: numbers.map(line) })

async function finish(run: string, last: number) {
  const lines = Array.from({ length: last }, (_, at) => line(at + 1))
  const text = lines.map((one) => `${JSON.stringify(one)}\n`).join('')
  const file = await agent.upload(run, '$log', 'log.ndjson', 'application/x-ndjson', bytesOf(text))
  const log = { lines: last, bytes: file.size, truncated: false, size: file.size }
  await agent.finish(run, { outcome: 'succeeded', result: {}, log })
}

const natsIs = (state: 'ok' | 'away') =>
  until(`NATS is ${state}`, 20, async () => {
    const { nats } = await (await here.request('/readyz', { key: null })).json()
    return (nats === 'ok') === (state === 'ok')
  })

test('a task is followed over the absence of NATS: it is looked at, and lines come from the archive', async () => {
  const task = await here.client.createTask({ module: 'echo' })
  const run = `${task.id}.1`
  await agent.claim([echo])
  await say(run, 1, 2)
  const stream = await openEvents(here, `/api/tasks/${task.id}/events`)
  expect((await stream.take(5)).map(({ event }) => event)).toEqual(['state', 'state', 'state', 'log', 'log'])
  way.cut()
  await natsIs('away')
  await say(run, 3)
  await finish(run, 4)
  expect((await stream.rest()).map(({ event, data }) => data.n ?? data.status ?? event)).toEqual([
    ...[3, 4],
    ...['succeeded', 'end'],
  ])
  way.mend()
  await natsIs('ok')
})

test('a reader that comes during an outage of NATS gets all that is known, and the rest after the outage', async () => {
  way.cut()
  await natsIs('away')
  const task = await elsewhere.client.createTask({ module: 'echo' })
  const run = `${task.id}.1`
  await agent.claim([echo])
  await say(run, 1)
  const stream = await openEvents(here, `/api/tasks/${task.id}/events`)
  expect((await stream.take(3)).map(({ data }) => data.status)).toEqual(['blocked', 'queued', 'running'])
  way.mend()
  await natsIs('ok')
  expect(await stream.next()).toMatchObject({ event: 'log', data: { n: 1 } })
  await say(run, 2)
  expect(await stream.next()).toMatchObject({ event: 'log', data: { n: 2 } })
  await finish(run, 2)
  expect((await stream.rest()).map(({ event }) => event)).toEqual(['state', 'end'])
})
