import { randomUUID } from 'node:crypto'
import { tick } from '@millrace/api'
import type { WebhookId } from '@millrace/client'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { until } from '../support/until.ts'
import { closeReceivers, receiver } from '../support/webhook-receiver.ts'

const clock = shiftedClock()
const names = new Map<string, string[]>()
const ofTasks: WebhookId = 'whk_00000000000000000000000000'
const logged: string[] = []
const logger = pino({ level: 'trace' }, { write: (line) => void logged.push(line) })
let api: TestApi
let agent: ScriptedAgent

beforeAll(async () => {
  const resolve = async (host: string) => names.get(host) ?? []
  api = await openApi(
    (deps) => ({ ...deps, clock, logger, random: () => 0.5, webhooks: { allowPrivate: true, resolve } }),
    { WEBHOOK_ALLOW_PRIVATE: '1' },
  )
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterEach(async () => {
  await closeReceivers()
  for (const { id } of (await api.client.listWebhooks()).items) await api.client.deleteWebhook(id)
})
afterAll(() => api.close())

/** A task that ends at once, without an agent. */
async function cancelled(more: object = {}) {
  const task = await api.client.createTask({ module: 'echo', ...more })
  return api.client.cancelTask(task.id)
}
const deliveriesOf = async (id: WebhookId) => (await api.client.listDeliveries(id)).items
const ticked = (what: string, look: () => Promise<boolean> | boolean) =>
  until(what, 20, async () => {
    await tick(api.deps)
    return look()
  })

describe('how much is sent', () => {
  test('is not bounded by what one tick begins', async () => {
    const { url, got } = await receiver()
    await api.client.createWebhook({ url })
    for (let left = 40; left > 0; left -= 1) await cancelled()
    await tick(api.deps)
    await until('all came, without another tick', 20, () => got.length === 40)
    expect(new Set(got.map(({ headers }) => headers['webhook-id'])).size).toBe(40)
  })

  test('at once to one receiver is, whatever the path, and others do not wait for it', async () => {
    const silent = await receiver(() => undefined)
    const well = await receiver()
    for (let nth = 0; nth < 40; nth += 1) await cancelled({ webhook: { url: `${silent.url}?task=${nth}` } })
    await cancelled({ webhook: { url: well.url } })
    await tick(api.deps)
    await until('the other has its own', 10, () => well.got.length === 1)
    await ticked('the silent one has its four', () => silent.got.length === 4)
    for (let ticks = 3; ticks > 0; ticks -= 1) await tick(api.deps)
    expect(silent.got).toHaveLength(4)
  })

  test('by two processes is the same: each delivery is begun by one', async () => {
    const { url, got } = await receiver()
    const { webhook } = await api.client.createWebhook({ url })
    for (let left = 20; left > 0; left -= 1) await cancelled()
    const second = { ...api.deps, store: { ...api.deps.store } }
    await Promise.all([tick(api.deps), tick(second), tick(api.deps), tick(second)])
    await ticked('all are noted', async () =>
      (await deliveriesOf(webhook.id)).every(({ status }) => status === 'delivered'),
    )
    expect(got).toHaveLength(20)
    expect((await deliveriesOf(webhook.id)).every(({ attempts }) => attempts.length === 1)).toBe(true)
  })

  test('once, though another process learned of it while it was being sent', async () => {
    const { url, got } = await receiver((response) => void setTimeout(() => response.end(), 300))
    const { webhook } = await api.client.createWebhook({ url })
    await cancelled()
    await tick(api.deps)
    await until('it is being sent', 10, () => got.length === 1)
    const { deliveries } = api.deps.store
    // A database that looks for what is due, and answers with what it has become since: once.
    let asked = 0
    const find: typeof deliveries.find = (filter, options) =>
      deliveries.find(asked++ === 0 ? { webhook: webhook.id } : filter, options)
    await tick({ ...api.deps, store: { ...api.deps.store, deliveries: { ...deliveries, find } } })
    await ticked('it is noted', async () =>
      (await deliveriesOf(webhook.id)).every(({ status }) => status === 'delivered'),
    )
    expect(got).toHaveLength(1)
  })

  test('a process that died while it sent holds a delivery for a minute', async () => {
    const { url, got } = await receiver()
    const { webhook } = await api.client.createWebhook({ url })
    const { id } = await cancelled()
    const inAMinute = new Date(clock.now().getTime() + 60_000)
    const claimed = await api.deps.store.deliveries.change(`${webhook.id}.${id}.1`, (delivery) => ({
      ...delivery,
      nextAt: inAMinute,
    }))
    expect(claimed).not.toBeNull()
    await tick(api.deps)
    expect(got).toHaveLength(0)
    clock.forward(61)
    await ticked('it came', () => got.length === 1)
  })
})

describe('who gets events', () => {
  test('of all events, where all or none are named', async () => {
    const all = ['task.succeeded', 'task.failed', 'task.cancelled', 'task.skipped']
    const url = 'https://hook.example/'
    for (const events of [undefined, ['task.*' as const], ['task.failed' as const, 'task.*' as const]])
      expect((await api.client.createWebhook({ url, events })).webhook.events).toEqual(all)
    const twice = ['task.failed' as const, 'task.failed' as const]
    expect((await api.client.createWebhook({ url, events: twice })).webhook.events).toEqual(['task.failed'])
  })

  test('a webhook made just before the task, though by a clock two seconds ahead; not one made long after', async () => {
    const near = await api.client.createWebhook({ url: 'https://near.example/' })
    const far = await api.client.createWebhook({ url: 'https://far.example/' })
    for (const [{ webhook }, ahead] of [[near, 1_500] as const, [far, 60_000] as const])
      await api.deps.store.webhooks.change(webhook.id, (one) => ({
        ...one,
        createdAt: new Date(clock.now().getTime() + ahead),
      }))
    await cancelled()
    expect(await deliveriesOf(near.webhook.id)).toHaveLength(1)
    expect(await deliveriesOf(far.webhook.id)).toHaveLength(0)
  })

  test('a hundred webhooks at most; a repeated request is not refused for its own', async () => {
    const body = { url: 'https://hook.example/' }
    const headers = { 'idempotency-key': randomUUID() }
    const first = await (await api.post('/api/webhooks', body, { headers })).json()
    for (let left = 99; left > 0; left -= 1) await api.client.createWebhook(body)
    expect(await refusalOf(await api.post('/api/webhooks', body))).toMatchObject({ code: 'conflict' })
    const again = await api.post('/api/webhooks', body, { headers })
    expect(await again.json()).toEqual({ webhook: first.webhook, secret: null })
    const rest = await api.client.listWebhooks({ limit: 200 })
    for (const { id } of rest.items) await api.client.deleteWebhook(id)
  })

  test('of a result that is long: that it is, with the task as lists show it', async () => {
    const { url, got } = await receiver()
    await api.client.createTask({ module: 'echo', webhook: { url } })
    const { run } = (await agent.claim([echo])) ?? {}
    await agent.finish(run ?? '', { outcome: 'succeeded', result: { said: { value: 'x'.repeat(262_000) } } })
    await ticked('it came', () => got.length === 1)
    const { type, data } = JSON.parse(got[0]?.body ?? '')
    expect(type).toBe('task.succeeded')
    expect(data).toMatchObject({ truncated: true, task: { status: 'succeeded' } })
    expect(data.task).not.toHaveProperty('result')
  })

  test('no caller with the token of a grant', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
    const { token } = await api.client.createGrant({
      ...{ maxUploads: 0, maxUploadBytes: 0, maxTasks: 1, modules: ['echo'] },
      expiresAt,
    })
    const webhook = { url: 'https://hook.example/' }
    const answer = await api.post('/api/tasks', { module: 'echo', webhook }, { key: token })
    expect(await refusalOf(answer)).toMatchObject({ status: 422, paths: ['/webhook'] })
  })
})

describe('a name', () => {
  test('is resolved for each attempt, and what was judged is what is connected to', async () => {
    const { port, got } = await receiver()
    names.set('hook.example', ['127.0.0.1'])
    const { webhook } = await api.client.createWebhook({ url: `http://hook.example:${port}/` })
    await cancelled()
    await ticked('it came', () => got.length === 1)
    expect(got[0]?.headers.host).toBe(`hook.example:${port}`)
    names.set('hook.example', [])
    await cancelled()
    await ticked('the other failed', async () => (await deliveriesOf(webhook.id))[0]?.attempts.length === 1)
    expect((await deliveriesOf(webhook.id))[0]?.attempts[0]?.error).toBe('hook.example has no address')
  })

  test('that leads to a private address by then is not connected to', async () => {
    const { port, got } = await receiver()
    const strict = { ...api.deps, store: { ...api.deps.store } }
    strict.webhooks = { allowPrivate: false, resolve: async () => ['127.0.0.1'] }
    const { webhook } = await api.client.createWebhook({ url: `http://rebound.example:${port}/` })
    await cancelled()
    await tick(strict)
    const failed = await until('it was tried', 10, async () => {
      const [one] = await deliveriesOf(webhook.id)
      return one?.attempts[0]
    })
    expect(failed).toMatchObject({
      status: null,
      error: 'rebound.example leads to the private address 127.0.0.1',
    })
    expect(got).toHaveLength(0)
  })
})

describe('by hand', () => {
  test('a delivery is sent again, with a day to arrive, however old it is', async () => {
    let isWell = false
    const { url, got } = await receiver((response) => response.writeHead(isWell ? 200 : 500).end())
    const { webhook } = await api.client.createWebhook({ url })
    await cancelled()
    await ticked('it was tried', async () => (await deliveriesOf(webhook.id))[0]?.attempts.length === 1)
    clock.forward(3 * 86_400)
    await ticked('it is given up', async () => (await deliveriesOf(webhook.id))[0]?.status === 'failed')
    const before = got.length
    const [old] = await deliveriesOf(webhook.id)
    if (!old) throw new Error('it is gone')
    expect(await api.client.redeliver(old)).toMatchObject({ id: old.id, status: 'due' })
    await ticked('it was tried again', () => got.length === before + 1)
    await ticked('and waits', async () => (await deliveriesOf(webhook.id))[0]?.attempts.length === before + 1)
    expect((await deliveriesOf(webhook.id))[0]?.status).toBe('due')
    isWell = true
    clock.forward(10)
    await ticked('it arrived', async () => (await deliveriesOf(webhook.id))[0]?.status === 'delivered')
  })

  test('asked for while it is being sent, it is sent once more, and both attempts are listed', async () => {
    let release: () => void = () => undefined
    const { url, got } = await receiver((response, nth) => {
      if (nth > 1) return response.end()
      release = () => response.end()
    })
    const { webhook } = await api.client.createWebhook({ url })
    await cancelled()
    await ticked('it came', () => got.length === 1)
    const [sent] = await deliveriesOf(webhook.id)
    if (!sent) throw new Error('it is gone')
    await api.client.redeliver(sent)
    release()
    await ticked('it came again', () => got.length === 2)
    await ticked('it is noted', async () => (await deliveriesOf(webhook.id))[0]?.status === 'delivered')
    expect((await deliveriesOf(webhook.id))[0]?.attempts).toHaveLength(2)
    expect(got[1]?.headers['webhook-id']).toBe(got[0]?.headers['webhook-id'])
  })

  test('one that was switched off gets only what is asked for since; one that was deleted gets nothing', async () => {
    let status = 500
    const { url, got } = await receiver((response) => response.writeHead(status).end())
    const { webhook } = await api.client.createWebhook({ url })
    await cancelled()
    await ticked('it failed', async () => (await deliveriesOf(webhook.id))[0]?.attempts.length === 1)
    status = 410
    await cancelled()
    await ticked('it is off', async () => (await api.client.listWebhooks()).items[0]?.disabledAt !== null)
    clock.forward(10)
    await ticked('all are given up', async () =>
      (await deliveriesOf(webhook.id)).every((one) => one.status === 'failed'),
    )
    expect(got).toHaveLength(2)
    const [gone, waiting] = await deliveriesOf(webhook.id)
    expect(gone?.attempts.at(-1)).toMatchObject({ status: 410 })
    expect(waiting?.attempts.at(-1)?.error).toMatch(/switched off/)
    if (!waiting) throw new Error('it is gone')
    status = 200
    await api.client.redeliver(waiting)
    await ticked('it arrived', async () => (await deliveriesOf(webhook.id))[1]?.status === 'delivered')
    await api.client.deleteWebhook(webhook.id)
    const path = `/api/webhooks/${webhook.id}/deliveries/${waiting.id}/redeliver`
    expect(await refusalOf(await api.request(path, { method: 'POST' }))).toMatchObject({ status: 404 })
    const other = path.replace(webhook.id, ofTasks)
    expect(await refusalOf(await api.request(other, { method: 'POST' }))).toMatchObject({ status: 404 })
  })
})

test('deliveries that are over go after thirty days, those that are due stay', async () => {
  const { url } = await receiver()
  const done = await api.client.createWebhook({ url })
  await cancelled()
  await ticked('it is done', async () => (await deliveriesOf(done.webhook.id))[0]?.status === 'delivered')
  clock.forward(29 * 86_400)
  const due = await api.client.createWebhook({ url: 'https://never.example/', events: ['task.cancelled'] })
  await tick(api.deps)
  expect(await deliveriesOf(done.webhook.id)).toHaveLength(1)
  await cancelled()
  clock.forward(2 * 86_400)
  const at = clock.now()
  for (const { id } of await deliveriesOf(due.webhook.id))
    await api.deps.store.deliveries.change(id, (one) => ({ ...one, nextAt: new Date(at.getTime() + 1e9) }))
  await ticked('it is gone', async () => (await deliveriesOf(done.webhook.id)).length === 1)
  expect((await deliveriesOf(due.webhook.id))[0]?.status).toBe('due')
})

test('what is sent carries no secret, and neither does what is listed or logged; the database has it as it is', async () => {
  const { url, got } = await receiver()
  const { secret, webhook } = await api.client.createWebhook({ url })
  await cancelled({ webhook: { url } })
  await ticked('both came', () => got.length === 2)
  const shared = await api.client.webhookSecret()
  const lists = await Promise.all(
    ['webhooks', `webhooks/${webhook.id}/deliveries`, 'audit', 'tasks'].map(async (list) =>
      (await api.request(`/api/${list}`)).text(),
    ),
  )
  const told = JSON.stringify([got, lists])
  for (const one of [secret ?? '', shared])
    expect(told + logged.join('')).not.toContain(one.replace('whsec_', ''))
  expect(logged.length).toBeGreaterThan(0)
  expect(JSON.stringify(await api.deps.store.webhooks.get(webhook.id))).toContain(
    (secret ?? '').replace('whsec_', ''),
  )
})
