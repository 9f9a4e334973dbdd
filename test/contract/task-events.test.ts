import { connect, type Task } from '@millrace/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'

type Event = { event: string; id: string; data: Record<string, unknown> }

let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi()
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterAll(() => api.close())

/** Reads events of a path until one of them will do, then goes away. */
async function read(path: string, isLast: (event: Event) => boolean, lastId?: string): Promise<Event[]> {
  const response = await api.request(path, { headers: lastId ? { 'last-event-id': lastId } : {} })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const events: Event[] = []
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { done: true, value: undefined }
    if (done) return events
    text += value
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const field = (name: string) => block.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1] ?? ''
      if (!field('data')) continue
      const event = { event: field('event'), id: field('id'), data: JSON.parse(field('data')) }
      events.push(event)
      if (!isLast(event)) continue
      await reader?.cancel()
      return events
    }
  }
}
const eventsOf = (
  task: Task,
  isLast: (event: Event) => boolean = ({ event }) => event === 'end',
  lastId?: string,
) => read(`/api/tasks/${task.id}/events`, isLast, lastId)
const brief = ({ event, data }: Event) =>
  event === 'state'
    ? data.status
    : event === 'log'
      ? `${String(data.runId).split('.')[1]}:${data.line}`
      : event

const say = (run: string, from: number, ...lines: string[]) =>
  agent.call(`runs/${run}/logs`, {
    sessionId: agent.sessionId,
    lines: lines.map((line, at) => ({ n: from + at, at: new Date().toISOString(), stream: 'stdout', line })),
    progress: { percent: from * 10, message: 'on it' },
  })
const create = (more: object = {}) => api.client.createTask({ module: 'echo', ...more })
async function claim(): Promise<string> {
  return (await agent.claim([echo]))?.run ?? ''
}
const succeed = (run: string) => agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'x' } } })

describe('events of a task', () => {
  test('are its states, the lines of all its attempts, and its end', async () => {
    const task = await create({ backoff: { initialSeconds: 0, maxSeconds: 0 } })
    const whole = eventsOf(task)
    const first = await claim()
    await say(first, 1, 'a', 'b')
    await agent.finish(first, {
      outcome: 'failed',
      error: { code: 'module_error', message: 'x', retryable: true },
      log: { lines: 2, bytes: 2, truncated: false },
    })
    const second = await claim()
    await say(second, 1, 'c')
    await say(second, 2, 'd')
    await succeed(second)
    const events = await whole
    const states = events.filter(({ event }) => event === 'state').map(brief)
    expect(states).toEqual(['blocked', 'queued', 'running', 'queued', 'running', 'succeeded'])
    const lines = events.filter(({ event }) => event === 'log').map(brief)
    expect(lines).toEqual(['1:a', '1:b', '2:c', '2:d'])
    expect(events.at(-1)).toMatchObject({
      event: 'end',
      data: { task: { id: task.id, result: { said: 'x' } } },
    })
    expect(events.find(({ event }) => event === 'state')?.data).toMatchObject({
      taskId: task.id,
      attempt: 1,
      runId: null,
    })
    const progress = events.find(({ event }) => event === 'progress')
    if (progress) expect(progress.data).toMatchObject({ percent: 10, message: 'on it' })
  })

  test('go on from any of them without a gap and without one twice', async () => {
    const task = await create()
    const run = await claim()
    await say(run, 1, 'a', 'b', 'c', 'd')
    await succeed(run)
    const all = (await eventsOf(task)).filter(({ event }) => event !== 'progress')
    expect(all.map(brief)).toEqual([
      'blocked',
      'queued',
      'running',
      'succeeded',
      '1:a',
      '1:b',
      '1:c',
      '1:d',
      'end',
    ])
    for (let at = 0; at < all.length - 1; at += 1) {
      const rest = await eventsOf(task, undefined, all[at]?.id)
      expect(rest.map(brief), `after ${at}`).toEqual(all.slice(at + 1).map(brief))
    }
  })

  test('are over for who comes back after the end, until a retry', async () => {
    const task = await create()
    await api.client.cancelTask(task.id)
    const events = await eventsOf(task)
    const again = () =>
      api.request(`/api/tasks/${task.id}/events`, { headers: { 'last-event-id': events.at(-1)?.id ?? '' } })
    expect((await again()).status).toBe(204)
    await api.client.retryTask(task.id)
    const more = await eventsOf(task, ({ data }) => data.status === 'queued', events.at(-1)?.id)
    expect(more.map(brief)).toEqual(['blocked', 'queued'])
    await api.client.cancelTask(task.id)
  })

  test('can be had with a ticket, and with a grant only of its own tasks', async () => {
    const task = await create()
    await api.client.cancelTask(task.id)
    const path = `/api/tasks/${task.id}/events`
    const { ticket } = await (await api.post('/api/tickets', { path })).json()
    const opened = await api.request(`${path}?ticket=${ticket}`, { key: null })
    expect(opened.status).toBe(200)
    await opened.body?.cancel()
    const { token } = await api.client.createGrant({
      maxUploads: 0,
      maxUploadBytes: 0,
      maxTasks: 1,
      modules: ['echo'],
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
    })
    expect((await api.request(path, { key: token })).status).toBe(404)
    expect((await api.request('/api/tasks/tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV/events')).status).toBe(404)
  })

  test('are read by the client', async () => {
    const task = await create()
    await api.client.cancelTask(task.id)
    const client = connect({
      url: 'http://api.test',
      key: 'k',
      fetch: async (input, init) => api.request(new URL(String(input)).pathname, { ...init, headers: {} }),
    })
    const told = []
    for await (const event of client.taskEvents(task.id)) told.push(Object.keys(event)[0])
    expect(told).toEqual(['state', 'state', 'state', 'end'])
  })
})

describe('changes for dashboards', () => {
  test('name what changed, go on after a break, and say when all must be looked at', async () => {
    const changes = read('/api/events', ({ data }) => data.status === 'cancelled')
    const task = await create()
    await api.client.cancelTask(task.id)
    const heard = await changes
    expect(
      heard.filter(({ data }) => data.id === task.id).map(({ data }) => [data.kind, data.status]),
    ).toEqual([
      ['task', 'queued'],
      ['task', 'cancelled'],
    ])
    const first = heard[0]
    const rest = await read('/api/events', ({ data }) => data.status === 'cancelled', first?.id)
    expect(rest.map(({ id }) => id)).toEqual(heard.slice(1).map(({ id }) => id))
    for (const id of ['another0-5', 'x', `${first?.id.split('-')[0]}-999999`]) {
      const [only] = await read('/api/events', () => true, id)
      expect(only?.event).toBe('resync')
    }
  })

  test('are resynced for a reader who is too slow', async () => {
    const response = await api.request('/api/events')
    const reader = response.body?.getReader()
    await reader?.read() // it listens
    for (let at = 0; at < 3_000; at += 1) api.deps.bus.announce(`event.task.tsk_${at}`, 'queued')
    let text = ''
    const decoder = new TextDecoder()
    while (!text.includes('event: resync')) text += decoder.decode((await reader?.read())?.value)
    expect(text.match(/event: change/g)?.length ?? 0).toBeLessThan(1_000)
    await reader?.cancel()
  })
})
