import { type LogLine, TaskAnswer } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { openEvents, type Told } from '../support/event-reader.ts'
import { makeGrant } from '../support/page-with-grant.ts'
import { refusalOf } from '../support/problem-of.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { until } from '../support/until.ts'
import { bytesOf } from '../support/upload-by-hand.ts'

let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi()
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterAll(() => api.close())

const at = '2026-11-21T00:00:00.000Z'
const lines = (from: number, to: number, word = 'line'): LogLine[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({
    n: from + index,
    at,
    stream: 'stdout',
    line: `${word} ${from + index}`,
  }))
const create = (more: object = {}) =>
  api.client.createTask({ module: 'echo', backoff: { initialSeconds: 0 }, ...more })
const say = async (run: string, some: LogLine[], more: object = {}) => {
  const body = { sessionId: agent.sessionId, lines: some, ...more }
  expect((await agent.call(`runs/${run}/logs`, body)).status).toBe(204)
}
const follow = (id: string, lastEventId?: string) =>
  openEvents(api, `/api/tasks/${id}/events`, { lastEventId })
const retriable = { code: 'crashed' as const, message: 'once more', retryable: true }

async function archived(run: string, some: LogLine[]) {
  const text = some.map((line) => `${JSON.stringify(line)}\n`).join('')
  const file = await agent.upload(run, '$log', 'log.ndjson', 'application/x-ndjson', bytesOf(text))
  return { lines: some.length, bytes: file.size, truncated: false, size: file.size }
}

/** What a reader got, in short. */
const short = ({ event, data }: Told): string => {
  switch (event) {
    case 'state':
      return `${data.status} ${data.attempt}`
    case 'log':
      return `${String(data.runId).split('.')[1]}:${data.n}`
    case 'progress':
      return `${data.percent}%`
    default:
      return event
  }
}

/** A task of two attempts: the first fails after three lines, which its archive holds; the second is going. */
async function onSecondAttempt(more: object = {}) {
  const task = await create(more)
  const [first, second] = [`${task.id}.1`, `${task.id}.2`]
  await agent.claim([echo])
  await say(first, lines(1, 3, 'first'))
  const log = await archived(first, lines(1, 3, 'first'))
  await agent.finish(first, { outcome: 'failed', error: retriable, log })
  await until('it is claimed again', 10, () => agent.claim([echo]))
  await say(second, lines(1, 2, 'second'))
  return { task, first, second }
}

describe('the events of a task', () => {
  test('are its states, lines and progress as they come, and the task at the end', async () => {
    const task = await create()
    const run = `${task.id}.1`
    const stream = await follow(task.id)
    expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect((await stream.take(2)).map(short)).toEqual(['blocked 1', 'queued 1'])
    await agent.claim([echo])
    expect(await stream.next()).toMatchObject({
      event: 'state',
      data: { taskId: task.id, status: 'running', attempt: 1, runId: run, at: expect.any(String) },
    })
    await say(run, lines(1, 2))
    expect((await stream.take(2)).map(({ event, data }) => ({ event, data }))).toEqual(
      lines(1, 2).map((line) => ({ event: 'log', data: { runId: run, ...line } })),
    )
    await say(run, lines(3, 3), { progress: { percent: 50, message: 'half' } })
    expect((await stream.take(2)).map(({ event, data }) => ({ event, data }))).toEqual([
      { event: 'log', data: { runId: run, ...lines(3, 3)[0] } },
      { event: 'progress', data: { runId: run, percent: 50, message: 'half', at: expect.any(String) } },
    ])
    await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'hello' } } })
    const [ended, end, ...more] = await stream.rest()
    expect([ended && short(ended), end?.event, more]).toEqual(['succeeded 1', 'end', []])
    expect(TaskAnswer.parse(end?.data).task).toEqual(await api.client.task(task.id))
  })

  test('go over all attempts: the lines of each between the states around them', async () => {
    const { task, second } = await onSecondAttempt()
    const all = [
      ...['blocked 1', 'queued 1', 'running 1', '1:1', '1:2', '1:3'],
      ...['queued 2', 'running 2', '2:1', '2:2'],
    ]
    const stream = await follow(task.id)
    expect((await stream.take(all.length)).map(short)).toEqual(all)
    await agent.finish(second, { outcome: 'succeeded', result: {} })
    expect((await stream.rest()).map(short)).toEqual(['succeeded 2', 'end'])
    const later = await follow(task.id)
    expect((await later.rest()).map(short)).toEqual([...all, 'succeeded 2', 'end'])
  })

  test('go on after any of them without a gap and without anything twice', async () => {
    const { task, second } = await onSecondAttempt()
    const before = await (await follow(task.id)).take(10)
    for (const [place, told] of before.entries()) {
      const resumed = await follow(task.id, told.id)
      const missing = before.length - place - 1
      expect((await resumed.take(missing)).map((one) => one.id)).toEqual(
        before.slice(place + 1).map((one) => one.id),
      )
      await resumed.close()
    }
    await say(second, lines(3, 4, 'second'))
    const log = await archived(second, lines(1, 5, 'second'))
    await agent.finish(second, { outcome: 'succeeded', result: {}, log })
    const all = await (await follow(task.id)).rest()
    expect(all.slice(0, before.length).map((one) => one.id)).toEqual(before.map((one) => one.id))
    expect(all.slice(before.length).map(short)).toEqual(['2:3', '2:4', '2:5', 'succeeded 2', 'end'])
    for (const [place, told] of all.slice(0, -1).entries())
      expect((await (await follow(task.id, told.id)).rest()).map((one) => one.id)).toEqual(
        all.slice(place + 1).map((one) => one.id),
      )
  })

  test('come from an archive in parts: every line once, whatever its letters, but for damaged ones', async () => {
    const task = await create()
    const run = `${task.id}.1`
    await agent.claim([echo])
    const many = lines(1, 9_000, 'zwölf Boxkämpfer jagen Виктора \u{1f30a} quer über den großen Sylter Deich')
    const text = many
      .map((line) => (line.n === 5_000 ? '{"n":5000,"at\n' : `${JSON.stringify(line)}\n`))
      .join('')
    const file = await agent.upload(run, '$log', 'log.ndjson', 'application/x-ndjson', bytesOf(text))
    expect(file.size).toBeGreaterThan(1_000_000)
    const log = { lines: many.length, bytes: file.size, truncated: false, size: file.size }
    await agent.finish(run, { outcome: 'succeeded', result: {}, log })
    const told = (await (await follow(task.id)).rest()).filter(({ event }) => event === 'log')
    expect(told.map(({ data }) => data)).toEqual(
      many.filter(({ n }) => n !== 5_000).map((line) => ({ runId: run, ...line })),
    )
    const resumed = await (await follow(task.id, told.at(-3)?.id)).rest()
    expect(resumed.map(short)).toEqual(['1:8999', '1:9000', 'succeeded 1', 'end'])
  })

  test('do not repeat progress', async () => {
    const task = await create()
    const run = `${task.id}.1`
    await agent.claim([echo])
    await say(run, lines(1, 1), { progress: { percent: 10 } })
    await say(run, lines(2, 2), { progress: { percent: 20 } })
    const told = await (await follow(task.id)).take(7)
    expect(told.slice(3).map(short)).toEqual(['1:1', '10%', '1:2', '20%'])
    const resumed = await follow(task.id, told.at(-1)?.id)
    await say(run, lines(3, 3), { progress: { percent: 30 } })
    expect((await resumed.take(2)).map(short)).toEqual(['1:3', '30%'])
    await resumed.close()
    await agent.finish(run, { outcome: 'succeeded', result: {} })
  })

  test('are over after the end: 204, by header or query, and for as long as it is the end', async () => {
    const task = await create()
    await api.client.cancelTask(task.id)
    const told = await (await follow(task.id)).rest()
    expect(told.map(short)).toEqual(['blocked 1', 'queued 1', 'cancelled 1', 'end'])
    const end = told.at(-1)?.id
    const again = await follow(task.id, end)
    expect([again.response.status, await again.response.text()]).toEqual([204, ''])
    expect((await api.request(`/api/tasks/${task.id}/events?lastEventId=${end}`)).status).toBe(204)
    expect((await (await follow(task.id, told.at(-2)?.id)).rest()).map(short)).toEqual(['end'])
  })

  test('start from the beginning for an id of another task', async () => {
    const task = await create()
    await api.client.cancelTask(task.id)
    for (const id of [
      '',
      'nonsense',
      '1',
      '-1.0.0',
      '9.0.0',
      '1.2.0',
      '9.9.9.end',
      '1e9.0.0',
      '9'.repeat(200),
    ])
      expect((await (await follow(task.id, id)).rest()).map(short), id).toEqual([
        ...['blocked 1', 'queued 1', 'cancelled 1', 'end'],
      ])
    expect((await api.request(`/api/tasks/${task.id}/events?lastEventId=${'9'.repeat(201)}`)).status).toBe(
      422,
    )
  })

  test('keep their ids in a history of which only the newest states are left', async () => {
    const task = await create()
    for (let attempt = 1; attempt <= 110; attempt += 1) {
      await agent.claim([echo])
      await agent.finish(`${task.id}.${attempt}`, { outcome: 'handed_back' })
    }
    await api.client.cancelTask(task.id)
    const all = await (await follow(task.id)).rest()
    expect(all).toHaveLength(201)
    expect(all.slice(-2).map(short)).toEqual(['cancelled 111', 'end'])
    const told = all[100]
    expect((await (await follow(task.id, told?.id)).rest()).map((one) => one.id)).toEqual(
      all.slice(101).map((one) => one.id),
    )
    expect((await (await follow(task.id, '5.0.0')).rest()).map((one) => one.id)).toEqual(
      all.map((one) => one.id),
    )
  })

  test('are in order while a reader does not read, and all there when it does', async () => {
    const task = await create()
    const run = `${task.id}.1`
    await agent.claim([echo])
    const stream = await follow(task.id)
    expect((await stream.take(3)).map(short)).toEqual(['blocked 1', 'queued 1', 'running 1'])
    const long = 'x'.repeat(1_000)
    const many = lines(1, 20_000, long)
    for (let from = 0; from < many.length; from += 500) await say(run, many.slice(from, from + 500))
    await agent.finish(run, { outcome: 'succeeded', result: {} })
    const told = await stream.rest()
    expect(told.slice(0, many.length).map(({ data }) => data.n)).toEqual(many.map((line) => line.n))
    expect(told.slice(many.length).map(short)).toEqual(['succeeded 1', 'end'])
  })

  test('leave no listener behind when their reader goes away', async () => {
    const task = await create()
    await agent.claim([echo])
    let listening = 0
    const listen = api.deps.bus.listen
    api.deps.bus.listen = (subjects, heard) => {
      const stop = listen(subjects, heard)
      listening += 1
      return () => {
        listening -= 1
        stop()
      }
    }
    const stream = await follow(task.id)
    await stream.take(3)
    expect(listening).toBe(1)
    await stream.close()
    await until('no reader is left', 10, () => listening === 0)
    api.deps.bus.listen = listen
    await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: {} })
  })
})

describe('who may follow a task', () => {
  test('a page with a ticket, from the beginning and from an id on', async () => {
    const task = await create()
    await api.client.cancelTask(task.id)
    const path = `/api/tasks/${task.id}/events`
    const got = await (await follow(task.id)).rest()
    for (const [query, count] of [
      ['', 4],
      [`?lastEventId=${got[1]?.id}`, 2],
    ] as const) {
      const { ticket } = await (await api.post('/api/tickets', { path: `${path}${query}` })).json()
      const withTicket = `${path}${query}${query ? '&' : '?'}ticket=${ticket}`
      expect(await (await openEvents(api, withTicket, { key: null })).rest()).toHaveLength(count)
    }
    expect(await refusalOf(await api.request(path, { key: null }))).toMatchObject({ status: 401 })
  })

  test('a grant’s token for its own tasks, also with its own ticket; tasks of others are invisible', async () => {
    const { page, token } = await makeGrant(api)
    const made = TaskAnswer.parse(await (await page.post('/api/tasks', { module: 'echo' })).json()).task
    await api.client.cancelTask(made.id)
    const path = `/api/tasks/${made.id}/events`
    expect((await (await openEvents(api, path, { key: token })).rest()).map(short)).toContain('end')
    const { ticket } = await (await page.post('/api/tickets', { path })).json()
    expect(await (await openEvents(api, `${path}?ticket=${ticket}`, { key: null })).rest()).toHaveLength(4)
    const other = await create()
    for (const id of [other.id, 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'none'])
      expect(await refusalOf(await page.get(`/api/tasks/${id}/events`))).toEqual({
        status: 404,
        code: 'not_found',
      })
    await api.client.cancelTask(other.id)
  })
})
