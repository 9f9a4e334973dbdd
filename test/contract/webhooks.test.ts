import { tick } from '@millrace/api'
import { WebhookCreated } from '@millrace/shared'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { until } from '../support/until.ts'
import { closeReceivers, receiver } from '../support/webhook-receiver.ts'

const clock = shiftedClock()
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }), { WEBHOOK_ALLOW_PRIVATE: '1' })
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterAll(() => api.close())

afterEach(closeReceivers)
beforeEach(async () => {
  const { items } = await api.client.listWebhooks()
  for (const { id } of items) await api.client.deleteWebhook(id)
})

async function webhook(url: string, more: object = {}) {
  const response = await api.post('/api/webhooks', { url, ...more })
  expect(response.status).toBe(201)
  return WebhookCreated.parse(await response.json())
}
const deliveries = async (id: string) =>
  (await (await api.request(`/api/webhooks/${id}/deliveries`)).json()).items

/** Ticks until the receiver has that many, or the deliveries are as wanted. */
const ticked = (what: string, look: () => Promise<boolean> | boolean) =>
  until(what, 20, async () => {
    await tick(api.deps)
    return look()
  })

async function endedTask(outcome: 'succeeded' | 'failed' = 'succeeded', more: object = {}) {
  const task = await api.client.createTask({ module: 'echo', maxAttempts: 1, ...more })
  const granted = await agent.claim([echo])
  const error = { code: 'module_error' as const, message: 'no', retryable: false }
  await agent.finish(
    granted?.run ?? '',
    outcome === 'failed' ? { outcome, error } : { outcome, result: { said: { value: 'hello' } } },
  )
  return task
}

describe('a webhook', () => {
  test('gets the end of every task, signed as Standard Webhooks require', async () => {
    const { url, got } = await receiver()
    const { webhook: made, secret } = await webhook(url)
    const task = await endedTask()
    await ticked('it came', () => got.length === 1)
    const [only] = got
    const payload = new Webhook(secret ?? '').verify(
      only?.body ?? '',
      only?.headers as Record<string, string>,
    )
    expect(payload).toMatchObject({
      type: 'task.succeeded',
      data: { task: { id: task.id, status: 'succeeded', result: { said: 'hello' } } },
    })
    expect(only?.headers['webhook-id']).toBe(`${made.id}.${task.id}.1`)
    await ticked('it is noted', async () => (await deliveries(made.id))[0]?.status === 'delivered')
    expect(await deliveries(made.id)).toMatchObject([
      {
        taskId: task.id,
        type: 'task.succeeded',
        attempts: [{ status: 200, error: null }],
        nextAttemptAt: null,
      },
    ])
  })

  test('gets only the events that it asked for, and those of each round', async () => {
    const { url, got } = await receiver()
    const { webhook: made } = await webhook(url, { events: ['task.failed', 'task.skipped'] })
    await endedTask()
    const failed = await endedTask('failed')
    const skipped = await api.client.createTask({ module: 'echo', after: [failed.id] })
    await api.client.cancelTask((await api.client.retryTask(failed.id)).id)
    await ticked('both came', () => got.length === 3)
    expect(
      got
        .map(({ body }) => JSON.parse(body))
        .map(({ type, data }) => [type, data.task.id])
        .sort(),
    ).toEqual([
      ['task.failed', failed.id],
      ['task.skipped', skipped.id],
      ['task.skipped', skipped.id],
    ])
    expect(await deliveries(made.id)).toHaveLength(3)
  })

  test('of a single task is signed with the secret of the installation', async () => {
    const { url, got } = await receiver()
    await endedTask('succeeded', { webhook: { url, events: ['task.succeeded'] } })
    await ticked('it came', () => got.length === 1)
    const { secret } = await (await api.request('/api/webhooks/signing-secret')).json()
    expect(() =>
      new Webhook(secret).verify(got[0]?.body ?? '', got[0]?.headers as Record<string, string>),
    ).not.toThrow()
    expect(await deliveries('whk_00000000000000000000000000')).toMatchObject([{ status: 'delivered' }])
  })

  test('is tried again after longer and longer times, and given up after a day', async () => {
    const { url, got } = await receiver((response) => response.writeHead(500).end('no'))
    const { webhook: made } = await webhook(url)
    await endedTask()
    await ticked('the first try', () => got.length === 1)
    await tick(api.deps)
    expect(got).toHaveLength(1)
    for (let tries = 2; tries < 9; tries += 1) {
      await ticked('it is noted', async () => (await deliveries(made.id))[0].attempts.length === tries - 1)
      clock.forward(12 * 3600)
      if (clock.now().getTime() - Date.parse((await deliveries(made.id))[0].createdAt) > 36 * 3600_000) break
      await ticked(`try ${tries}`, () => got.length === tries)
    }
    await ticked('it is given up', async () => (await deliveries(made.id))[0].status === 'failed')
    expect((await deliveries(made.id))[0].attempts[0]).toMatchObject({ status: 500, error: 'answered 500' })
    expect(new Set(got.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  })

  test('is sent once more by hand, under the same id', async () => {
    const { url, got } = await receiver()
    const { webhook: made } = await webhook(url)
    await endedTask()
    await ticked('it came', async () => (await deliveries(made.id))[0]?.status === 'delivered')
    const path = `/api/webhooks/${made.id}/deliveries/${(await deliveries(made.id))[0].id}/redeliver`
    expect((await api.request(path, { method: 'POST' })).status).toBe(202)
    const [entry] = (await (await api.request('/api/audit?action=webhook.redeliver&limit=1')).json()).items
    expect(entry.subject).toBe(made.id)
    await ticked('it came again', () => got.length === 2)
    expect(got[1]?.headers['webhook-id']).toBe(got[0]?.headers['webhook-id'])
    expect(got[1]?.body).toBe(got[0]?.body)
    expect((await api.request(path.replace('.tsk_', '.tsk_0'), { method: 'POST' })).status).toBe(404)
  })

  test('that answers 410 is switched off', async () => {
    const { url, got } = await receiver((response) => response.writeHead(410).end())
    const { webhook: made } = await webhook(url)
    await endedTask()
    await ticked('it came', async () => (await deliveries(made.id))[0]?.status === 'failed')
    await ticked('it is off', async () => (await api.deps.store.webhooks.get(made.id))?.disabledAt !== null)
    await endedTask()
    await tick(api.deps)
    expect(got).toHaveLength(1)
  })

  test('that redirects is not followed', async () => {
    const elsewhere = await receiver()
    const { url } = await receiver((response) => response.writeHead(302, { location: elsewhere.url }).end())
    const { webhook: made } = await webhook(url)
    await endedTask()
    await ticked('it was tried', async () => (await deliveries(made.id))[0]?.attempts.length === 1)
    expect((await deliveries(made.id))[0].attempts[0].error).toMatch(/redirects are not followed/)
    expect(elsewhere.got).toHaveLength(0)
  })

  test('whose answer never ends holds nothing up, and one that never answers holds up no other', async () => {
    const endless = await receiver((response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write('x'.repeat(1000)), 1)
      response.on('close', () => clearInterval(timer))
    })
    const silent = await receiver(() => undefined)
    const well = await receiver()
    const made = await webhook(endless.url)
    await webhook(silent.url)
    const quick = await webhook(well.url)
    for (let left = 6; left > 0; left -= 1) await endedTask()
    await ticked(
      'the others have theirs',
      async () =>
        (await deliveries(made.webhook.id)).every((one: { status: string }) => one.status === 'delivered') &&
        (await deliveries(quick.webhook.id)).every((one: { status: string }) => one.status === 'delivered'),
    )
    expect(well.got).toHaveLength(6)
    expect(silent.got.length).toBeLessThanOrEqual(4)
  })

  test('gets an event once, by any number of ticks', async () => {
    const { url, got } = await receiver()
    const { webhook: made } = await webhook(url)
    await endedTask()
    await Promise.all(Array.from({ length: 10 }, () => tick(api.deps)))
    await ticked('it is noted', async () => (await deliveries(made.id))[0]?.status === 'delivered')
    expect(got).toHaveLength(1)
  })

  test('shows its secret once, and never in a list', async () => {
    const { url } = await receiver()
    const { secret } = await webhook(url)
    expect(secret).toMatch(/^whsec_/)
    expect(await (await api.request('/api/webhooks')).text()).not.toContain(secret)
  })
})

describe('a webhook is refused', () => {
  test.each([
    ['http://127.0.0.1/', 'private'],
    ['http://localhost:8787/', 'private'],
    ['http://169.254.169.254/latest', 'private'],
    ['http://2130706433/', 'private'],
    ['file:///etc/passwd', 'any'],
    ['nonsense', 'any'],
  ])('for %s', async (url) => {
    const strict = await openApi()
    const refused = await strict.post('/api/webhooks', { url })
    expect(await refusalOf(refused)).toMatchObject({ status: 422, paths: ['/url'] })
    const ownAgent = await scriptedAgent(strict)
    await ownAgent.has([echo])
    const ofTask = await strict.post('/api/tasks', { module: 'echo', webhook: { url } })
    expect(await refusalOf(ofTask)).toMatchObject({ status: 422, paths: ['/webhook/url'] })
    await strict.close()
  })

  test('for unknown events', async () => {
    const refused = await api.post('/api/webhooks', {
      url: 'https://hook.example/',
      events: ['task.exploded'],
    })
    expect(await refusalOf(refused)).toMatchObject({ status: 422, paths: ['/events/0'] })
  })
})
