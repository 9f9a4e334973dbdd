import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { cuttable } from '../support/cuttable.ts'
import { openEvents, type Told } from '../support/event-reader.ts'
import { makeGrant } from '../support/page-with-grant.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { until } from '../support/until.ts'

let way: Awaited<ReturnType<typeof cuttable>>
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  way = await cuttable(inject('servers').NATS_URL ?? '')
  api = await openApi((deps) => deps, { NATS_URL: way.url })
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterAll(async () => {
  await api.close()
  way.close()
})

/** Of this file alone: others speak over the same NATS server. */
const shown = availableModule({ name: 'shown' })
const follow = (lastEventId?: string) => openEvents(api, '/api/events', { lastEventId })
type Stream = Awaited<ReturnType<typeof follow>>
const create = () => api.client.createTask({ module: 'echo' })

/** The next change of this subject; other test files share the NATS server. */
async function nextOf(stream: Stream, id: string): Promise<Told> {
  for (;;) {
    const told = await stream.next()
    if (!told) throw new Error('the stream has ended')
    if (told.data.id === id) return told
  }
}
const statuses = async (stream: Stream, id: string, count: number) => {
  const seen = []
  for (let left = count; left > 0; left -= 1) seen.push((await nextOf(stream, id)).data.status)
  return seen
}
async function nextNamed(stream: Stream, event: string): Promise<void> {
  for (let told = await stream.next(); told?.event !== event; told = await stream.next())
    if (!told) throw new Error('the stream has ended')
}
/** Reads until the first event with a position, which the API sends immediately. */
async function opened(lastEventId?: string): Promise<Stream> {
  const stream = await follow(lastEventId)
  const marker = await create()
  await nextOf(stream, marker.id)
  await api.client.cancelTask(marker.id)
  await nextOf(stream, marker.id)
  return stream
}

describe('a dashboard', () => {
  test('reports every change of a task, to any number of readers', async () => {
    const streams = await Promise.all(Array.from({ length: 20 }, () => follow()))
    const task = await create()
    for (const first of await Promise.all(streams.map((stream) => nextOf(stream, task.id))))
      expect(first).toEqual({
        event: 'message',
        id: expect.stringMatching(/^[0-9a-f]{12}-\d+$/),
        data: { kind: 'task', id: task.id, status: 'queued', updatedAt: expect.any(String) },
      })
    const blocked = await api.client.createTask({ module: 'echo', after: [task.id] })
    await agent.claim([echo])
    await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: {} })
    await api.client.cancelTask(blocked.id)
    for (const stream of streams) {
      const seen: string[] = []
      while (seen.at(-1) !== `${blocked.id} cancelled`) {
        const got = await stream.next()
        seen.push(`${got?.data.id} ${got?.data.status}`)
      }
      expect(seen.filter((one) => one.startsWith(task.id))).toEqual([
        `${task.id} running`,
        `${task.id} succeeded`,
      ])
      expect(seen).toContain(`${blocked.id} blocked`)
      await stream.close()
    }
  })

  test('reports modules and agents', async () => {
    const stream = await opened()
    await agent.has([echo, { ...shown, status: 'TESTING' }])
    expect(await nextOf(stream, 'shown')).toMatchObject({ data: { kind: 'module', status: 'TESTING' } })
    await agent.has([echo, shown])
    expect(await nextOf(stream, 'shown')).toMatchObject({ data: { kind: 'module', status: 'AVAILABLE' } })
    await api.request('/api/modules/shown/disable', { method: 'POST' })
    expect(await nextOf(stream, 'shown')).toMatchObject({ data: { status: 'DISABLED' } })
    await api.request('/api/modules/shown/enable', { method: 'POST' })
    expect(await nextOf(stream, 'shown')).toMatchObject({ data: { status: 'AVAILABLE' } })
    const another = await scriptedAgent(api)
    expect(await nextOf(stream, another.agentId)).toMatchObject({ data: { kind: 'agent', status: 'online' } })
    await stream.close()
  })

  test('goes on from where it was, when it comes back to the same process soon', async () => {
    const stream = await opened()
    const task = await create()
    await nextOf(stream, task.id)
    await stream.close()
    await api.client.cancelTask(task.id)
    const again = await follow(stream.seen.lastId)
    expect(await statuses(again, task.id, 1)).toEqual(['cancelled'])
    await again.close()
  })

  test('that got nothing before its connection broke knows its place all the same', async () => {
    const stream = await follow()
    const reading = stream.next()
    await until('it knows its place', 10, () => stream.seen.lastId)
    const place = stream.seen.lastId
    const task = await create()
    await reading
    await stream.close()
    const again = await follow(place)
    expect(await statuses(again, task.id, 1)).toEqual(['queued'])
    await again.close()
    await api.client.cancelTask(task.id)
  })

  test('first gets resync for an id that is unknown, old, or of another process', async () => {
    const other = await openApi()
    const elsewhere = await openEvents(other, '/api/events')
    const task = await create()
    await nextOf(elsewhere, task.id)
    await elsewhere.close()
    await other.close()
    for (const id of ['', 'x', '000000000000-1', '-1', elsewhere.seen.lastId]) {
      const stream = await follow(id)
      expect(await stream.next(), id).toMatchObject({ event: 'resync', data: {} })
      await api.client.createTask({ module: 'echo' }).then(({ id: made }) => api.client.cancelTask(made))
      expect(await stream.next(), id).toMatchObject({ event: 'message' })
      await stream.close()
    }
    const early = await opened()
    for (let at = 0; at < 1_100; at += 1)
      api.deps.bus.announce(
        `event.task.${task.id}`,
        JSON.stringify({ kind: 'task', id: task.id, status: 'queued', updatedAt: task.createdAt }),
      )
    await early.close()
    expect(await (await follow(early.seen.lastId)).next()).toMatchObject({ event: 'resync' })
    await api.client.cancelTask(task.id)
  })

  test('that reads too slowly gets resync in place of what it missed, and then goes on', async () => {
    const slow = await opened()
    const tasks = await Promise.all(Array.from({ length: 150 }, create))
    for (const task of tasks) await api.client.cancelTask(task.id)
    const last = await create()
    const told = []
    for (let one = await slow.next(); one; one = one.data.id === last.id ? null : await slow.next())
      told.push(one.event)
    expect(told).toContain('resync')
    expect(told.length).toBeLessThan(300)
    await slow.close()
    await api.client.cancelTask(last.id)
  })

  test('gets resync when NATS was away, for others may have changed something', async () => {
    const stream = await opened()
    way.cut()
    await nextNamed(stream, 'resync')
    const task = await create()
    expect(await statuses(stream, task.id, 1)).toEqual(['queued'])
    const before = stream.seen.lastId
    way.mend()
    await nextNamed(stream, 'resync')
    await stream.close()
    expect(await (await follow(before)).next()).toMatchObject({ event: 'resync' })
    await api.client.cancelTask(task.id)
  })

  test('may be a page with a ticket; a grant’s token sees nothing of it', async () => {
    const { ticket } = await (await api.post('/api/tickets', { path: '/api/events' })).json()
    const stream = await openEvents(api, `/api/events?ticket=${ticket}`, { key: null })
    expect(stream.response.status).toBe(200)
    const { id } = await create()
    expect(await nextOf(stream, id)).toMatchObject({ data: { kind: 'task' } })
    await api.client.cancelTask(id)
    await stream.close()
    const { page } = await makeGrant(api)
    expect(await refusalOf(await page.get('/api/events'))).toEqual({ status: 403, code: 'forbidden' })
    expect(await refusalOf(await page.post('/api/tickets', { path: '/api/events' }))).toMatchObject({
      status: 422,
    })
  })
})
