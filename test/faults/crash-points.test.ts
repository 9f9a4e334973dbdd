import { randomUUID } from 'node:crypto'
import { type Failpoint, failpoints, openPorts, readConfig } from '@millrace/api'
import { type Client, fromData, fromOutput, fromRef, type TaskId } from '@millrace/client'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type AgentProcess, agentProcess } from '../support/agent-process.ts'
import { ownDatabase } from '../support/api-in-process.ts'
import { type ApiProcess, apiProcess, patientFetch } from '../support/api-process.ts'
import { ownStore } from '../support/own-store.ts'
import { processesOfTask } from '../support/processes-of.ts'
import { expectQuiet } from '../support/quiet.ts'
import { until } from '../support/until.ts'
import { closeReceivers, receiver } from '../support/webhook-receiver.ts'

/** The process of the API is killed right after each single write; the agent goes on; nothing may be lost. */

const limits = { SESSION_TTL_SECONDS: '5', HEARTBEAT_SECONDS: '0.5' }
const modules = ['text-stats', 'misbehave', 'flaky']
const hit = new Set<Failpoint>()
let api: ApiProcess
let bucket: Awaited<ReturnType<typeof ownStore>>
let agent: AgentProcess
let deps: ReturnType<typeof openPorts>
let client: Client

beforeAll(async () => {
  const servers: Record<string, string> = inject('servers')
  bucket = await ownStore() // the janitor goes through a whole bucket, which must be that of one database
  const env = {
    ...servers,
    ...bucket.env,
    ...limits,
    WEBHOOK_ALLOW_PRIVATE: '1',
    MONGODB_URL: ownDatabase(servers.MONGODB_URL ?? ''),
  }
  deps = openPorts(readConfig(env), pino({ level: 'silent' }))
  api = await apiProcess(env, 'an-admin-key-for-tests')
  client = api.client
  await api.start()
  const { secret } = await client.createKey({ name: 'agent', scopes: ['agent'] })
  agent = await agentProcess(api.url, secret ?? '', modules, { MAX_RUNS: '2' })
  agent.start()
  await agent.available(client)
  await client.changeSettings({ perModule: { 'text-stats': 5 } })
})
afterAll(async () => {
  await agent?.close()
  await api?.stop()
  await deps?.bus.close()
  await deps?.store.close()
  await bucket?.close()
})

type Scenario = () => Promise<TaskId[]>

/** One task, start to end. */
const simple: Scenario = async () => {
  const text = `one two ${randomUUID()}`
  const task = await client.createTask({ module: 'text-stats', inputs: { text } }, randomUUID())
  expect(await ended(task.id)).toMatchObject({
    status: 'succeeded',
    result: { characters: text.length, words: 3, lines: 1 },
  })
  return [task.id]
}

/** A task that waits for a file, and another that waits for that task. */
const upload: Scenario = async () => {
  const bytes = new TextEncoder().encode('a file of\ntwo lines')
  const body = { label: 'late', file: { name: 'late.txt', size: bytes.length, contentType: 'text/plain' } }
  const created = await (
    await client.send('POST', '/api/data', { body, idempotencyKey: randomUUID() })
  ).json()
  const first = await client.createTask(
    { module: 'text-stats', inputs: { text: fromData(created.data.id) } },
    randomUUID(),
  )
  const second = await client.createTask(
    { module: 'flaky', inputs: { failures: fromOutput(first.id, 'lines') }, backoff: { initialSeconds: 0 } },
    randomUUID(),
  )
  expect(
    (await patientFetch(created.upload.url, { method: 'PUT', headers: created.upload.headers, body: bytes }))
      .status,
  ).toBe(200)
  await client.send('POST', `/api/data/${created.data.id}/complete`)
  expect(await ended(first.id)).toMatchObject({ status: 'succeeded', result: { lines: 2 } })
  expect(await ended(second.id)).toMatchObject({ status: 'succeeded', result: { tries: 3 }, attempt: 3 })
  return [first.id, second.id]
}

/** What was to be awaited never comes. */
const skipped: Scenario = async () => {
  const first = await client.createTask(
    { module: 'misbehave', inputs: { do: 'fail-for-good' } },
    randomUUID(),
  )
  const second = await client.createTask(
    { module: 'text-stats', inputs: { text: fromOutput(first.id, 'answer') } },
    randomUUID(),
  )
  expect(await ended(first.id)).toMatchObject({ status: 'failed', error: { code: 'module_error' } })
  expect(await ended(second.id)).toMatchObject({ status: 'skipped', error: { code: 'upstream_failed' } })
  return [first.id, second.id]
}

const flaky: Scenario = async () => {
  const task = await client.createTask(
    { module: 'flaky', inputs: { failures: 1 }, backoff: { initialSeconds: 0 } },
    randomUUID(),
  )
  expect(await ended(task.id)).toMatchObject({ status: 'succeeded', result: { tries: 2 }, attempt: 2 })
  return [task.id]
}

const cancelWaiting: Scenario = async () => {
  const notBefore = new Date(Date.now() + 3_600_000).toISOString()
  const task = await client.createTask(
    { module: 'text-stats', inputs: { text: 'never' }, notBefore },
    randomUUID(),
  )
  await client.cancelTask(task.id)
  expect(await ended(task.id)).toMatchObject({ status: 'cancelled', result: null })
  return [task.id]
}

const cancelRunning: Scenario = async () => {
  const task = await client.createTask({ module: 'misbehave', inputs: { do: 'heed-cancel' } }, randomUUID())
  await until('it runs', 30, async () => (await client.task(task.id)).status === 'running')
  await client.cancelTask(task.id)
  expect(await ended(task.id)).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } })
  return [task.id]
}

/** A task that fails for good is tried again by hand, and fails again; what was skipped for it is skipped again. */
const retried: Scenario = async () => {
  const first = await client.createTask(
    { module: 'misbehave', inputs: { do: 'fail-for-good' } },
    randomUUID(),
  )
  const second = await client.createTask(
    { module: 'text-stats', after: [first.id], inputs: { text: 'a' } },
    randomUUID(),
  )
  expect(await ended(second.id)).toMatchObject({ status: 'skipped' })
  await client.retryTask(first.id, randomUUID())
  await until('the second round has ended', 90, async () => {
    const [one, two] = [await client.task(first.id), await client.task(second.id)]
    return one.attempt === 2 && one.status === 'failed' && two.attempt === 2 && two.status === 'skipped'
  })
  return [first.id, second.id]
}

/** A chain of three and what joins them, all at once. */
const batch: Scenario = async () => {
  const tasks = await client.createTasks(
    [
      {
        ref: 'end',
        module: 'flaky',
        inputs: { failures: fromRef('two', 'lines') },
        backoff: { initialSeconds: 0 },
      },
      { ref: 'two', module: 'text-stats', inputs: { text: 'another' }, after: ['one'] },
      { ref: 'one', module: 'text-stats', inputs: { text: 'a text' } },
    ],
    randomUUID(),
  )
  const ids = Object.values(tasks).map((task) => task.id)
  expect(ids).toHaveLength(3)
  for (const id of ids) expect(await ended(id)).toMatchObject({ status: 'succeeded' })
  return ids
}

/** A batch whose process died before it was committed, long ago. */
const leftBatch: Scenario = async () => {
  const _id = 'bat_01ARZ3NDEKTSV4RRFFQ69G5FAV'
  const at = new Date(Date.now() - 3_600_000)
  await deps.store.batches.insert({ _id, rev: 1, state: 'staging', size: 1, at })
  await deps.store.meta.change('job:tidy-batches', (job) => ({ ...job, at: daysAgo(1) }))
  await until('it is given up', 90, async () => (await deps.store.batches.get(_id))?.state === 'aborted')
  return []
}

/** Several waiting tasks are cancelled at once. */
const bulk: Scenario = async () => {
  const tag = randomUUID()
  const notBefore = new Date(Date.now() + 3_600_000).toISOString()
  const tasks = []
  for (let left = 3; left > 0; left -= 1)
    tasks.push(
      await client.createTask(
        { module: 'text-stats', inputs: { text: 'never' }, notBefore, tags: [tag] },
        randomUUID(),
      ),
    )
  await client.send('POST', '/api/tasks/cancel', { body: { filter: { tag } }, idempotencyKey: randomUUID() })
  for (const task of tasks) expect(await ended(task.id)).toMatchObject({ status: 'cancelled' })
  return tasks.map((task) => task.id)
}

/** A schedule fires, until it has made two tasks. */
const scheduled: Scenario = async () => {
  const { id } = await client.createSchedule(
    {
      name: 'beat',
      everySeconds: 1,
      overlap: 'skip',
      task: { module: 'text-stats', inputs: { text: 'tick' } },
    },
    randomUUID(),
  )
  const tasks = await until('two tasks were made', 60, async () => {
    const { lastTasks } = await client.schedule(id)
    return lastTasks.length >= 2 && lastTasks
  })
  await client.deleteSchedule(id)
  for (const { taskId } of tasks) expect(await ended(taskId)).toMatchObject({ status: 'succeeded' })
  return tasks.map(({ taskId }) => taskId)
}

/** A receiver gets the end of a task, at least once and under one id. */
const told: Scenario = async () => {
  const { url, got } = await receiver()
  const task = await client.createTask(
    { module: 'text-stats', inputs: { text: 'a b' }, webhook: { url } },
    randomUUID(),
  )
  expect(await ended(task.id)).toMatchObject({ status: 'succeeded' })
  const id = `whk_00000000000000000000000000.${task.id}.1`
  // A process that dies while it sends holds the delivery for a minute.
  await until(
    'it was delivered',
    120,
    async () => (await deps.store.deliveries.get(id))?.state === 'delivered',
  )
  expect(new Set(got.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([id]))
  await closeReceivers()
  return [task.id]
}

/** A receiver answers 410. A process that dies before the delivery records that does not send again. */
const unwanted: Scenario = async () => {
  const { url, got } = await receiver((response) => response.writeHead(410).end())
  const { webhook } = await client.createWebhook({ url })
  const task = await client.createTask({ module: 'text-stats', inputs: { text: 'a b' } }, randomUUID())
  expect(await ended(task.id)).toMatchObject({ status: 'succeeded' })
  await until('it is given up', 120, async () => {
    const [delivery] = (await client.listDeliveries(webhook.id)).items
    return delivery?.status === 'failed'
  })
  expect(await deps.store.webhooks.get(webhook.id)).toMatchObject({ disabledAt: expect.any(Date) })
  expect(got).toHaveLength(1)
  await client.deleteWebhook(webhook.id)
  await closeReceivers()
  return [task.id]
}

/** The agent falls silent for longer than a session lasts, while its module works on; then it is back. */
const silentAgent: Scenario = async () => {
  const task = await client.createTask(
    { module: 'misbehave', inputs: { do: 'sleep', seconds: 8 } },
    randomUUID(),
  )
  await untilItWorks(task.id)
  agent.program.kill('SIGSTOP')
  try {
    await until('the run is lost', 60, async () => (await client.task(task.id)).status === 'queued')
  } finally {
    agent.program.kill('SIGCONT')
  }
  expect(await ended(task.id)).toMatchObject({ status: 'succeeded', currentRun: `${task.id}.1` })
  return [task.id]
}

/** Not merely assigned: an agent that is stopped before it reads the assignment does not hold the run. */
const untilItWorks = (id: TaskId) =>
  until('its module works', 30, async () => (await processesOfTask(id)).length > 0)

/** The agent is killed and started again. */
const restartedAgent: Scenario = async () => {
  const task = await client.createTask(
    { module: 'misbehave', inputs: { do: 'sleep', seconds: 2 } },
    randomUUID(),
  )
  await untilItWorks(task.id)
  agent.program.kill('SIGKILL')
  await agent.program.ended
  agent.start()
  expect(await ended(task.id)).toMatchObject({ status: 'succeeded', attempt: 2, currentRun: `${task.id}.2` })
  return [task.id]
}

/** A file goes, with its content, after the task that read it. */
const deleted: Scenario = async () => {
  const bytes = new TextEncoder().encode('a short life')
  const item = await client.upload({ name: 'short.txt', contentType: 'text/plain', bytes })
  const task = await client.createTask(
    { module: 'text-stats', inputs: { text: fromData(item.id) } },
    randomUUID(),
  )
  expect(await ended(task.id)).toMatchObject({ status: 'succeeded' })
  const { object } = (await deps.store.data.get(item.id)) ?? {}
  // The first try may have died with the process, and the tick have finished what it began.
  await client.deleteData(item.id).catch((error) => expect(error).toMatchObject({ code: 'not_found' }))
  expect(await deps.store.data.get(item.id)).toBeNull()
  expect(await deps.objects.head(object ?? '')).toBeNull()
  return [task.id]
}

/** An upload that a task waits for is never completed. */
const abandoned: Scenario = async () => {
  const body = { label: 'never', file: { name: 'never.txt', size: 5, contentType: 'text/plain' } }
  const { data, upload } = await (
    await client.send('POST', '/api/data', { body, idempotencyKey: randomUUID() })
  ).json()
  const task = await client.createTask(
    { module: 'text-stats', inputs: { text: fromData(data.id) } },
    randomUUID(),
  )
  const sent = await patientFetch(upload.url, { method: 'PUT', headers: upload.headers, body: 'hello' })
  expect(sent.status).toBe(200)
  const yesterday = daysAgo(1.1)
  await deps.store.data.change(data.id, (item) => ({ ...item, createdAt: yesterday }))
  await deps.store.meta.change('job:expire-uploads', (job) => ({ ...job, at: yesterday }))
  expect(await ended(task.id)).toMatchObject({ status: 'skipped', error: { code: 'upstream_failed' } })
  await until('nothing of it is left to do', 60, async () => {
    const item = await deps.store.data.get(data.id)
    return item?.status === 'expired' && item.settle === null
  })
  expect(await deps.objects.head(`incoming/${data.id}/1`)).toBeNull()
  return [task.id]
}

/** What lay there for longer than the settings keep it goes, all of it. */
const outlived: Scenario = async () => {
  const bytes = new TextEncoder().encode('long ago')
  const items = await Promise.all(
    ['a.txt', 'b.txt'].map((name) => client.upload({ name, contentType: 'text/plain', bytes })),
  )
  const keys = []
  for (const { id } of items) {
    const change = await deps.store.data.change(id, (item) => ({ ...item, updatedAt: daysAgo(2) }))
    keys.push(change?.after.object ?? '')
  }
  await client.changeSettings({ retentionDays: { uploads: 1 } })
  await deps.store.meta.remove('sweep:retain-uploads')
  // A process that died in a step delays the next one by a minute.
  const ids = items.map((item) => item.id)
  await until('all are gone', 90, async () => (await deps.store.data.many(ids)).length === 0)
  for (const key of keys) expect(await deps.objects.head(key)).toBeNull()
  await client.changeSettings({ retentionDays: { uploads: null } })
  return []
}

/** A task that ended longer ago than the settings keep it goes with its run and its log; its outputs stay. */
const forgotten: Scenario = async () => {
  const task = await client.createTask({ module: 'misbehave', inputs: { do: 'fail-for-good' } }, randomUUID())
  expect(await ended(task.id)).toMatchObject({ status: 'failed' })
  await expectQuiet(deps.store, [task.id])
  const run = `${task.id}.1`
  await until('its log is saved', 60, async () => (await deps.store.runs.get(run))?.archive === 'done')
  await deps.store.runs.change(run, (doc) => ({ ...doc, finishedAt: daysAgo(2) }))
  await deps.store.tasks.change(task.id, (doc) => ({ ...doc, finishedAt: daysAgo(2) }))
  await client.changeSettings({ retentionDays: { tasks: 1 } })
  await deps.store.meta.remove('sweep:retain-tasks')
  // A process that died in a step delays the next one by a minute.
  await until('it is gone', 90, async () => (await deps.store.tasks.get(task.id)) === null)
  expect(await deps.store.runs.get(run)).toBeNull()
  expect(await deps.objects.head(`runs/${task.id}/1/$log/0`)).toBeNull()
  const outputs = Object.values(task.outputs).map((output) => output.data)
  expect((await deps.store.data.many(outputs)).map((item) => item.status)).toEqual(
    outputs.map(() => 'failed'),
  )
  await client.changeSettings({ retentionDays: { tasks: null } })
  return []
}

/** The object of an item was removed from the store. */
const lost: Scenario = async () => {
  const bytes = new TextEncoder().encode('soon lost')
  const item = await client.upload({ name: 'lost.txt', contentType: 'text/plain', bytes })
  const notBefore = new Date(Date.now() + 3_600_000).toISOString()
  const first = await client.createTask(
    { module: 'text-stats', inputs: { text: 'never' }, notBefore },
    randomUUID(),
  )
  const second = await client.createTask(
    { module: 'text-stats', inputs: { text: fromData(item.id) }, after: [first.id] },
    randomUUID(),
  )
  await deps.objects.remove((await deps.store.data.get(item.id))?.object ?? '')
  await deps.store.meta.remove('sweep:tidy-bucket')
  await until('nothing of it is left to do', 60, async () => {
    const now = await deps.store.data.get(item.id)
    return now?.status === 'failed' && now.settle === null
  })
  expect(await client.data(item.id)).toMatchObject({ error: { code: 'object_missing' } })
  await client.cancelTask(first.id)
  expect(await ended(first.id)).toMatchObject({ status: 'cancelled' })
  expect(await ended(second.id)).toMatchObject({ status: 'skipped', error: { code: 'upstream_failed' } })
  return [first.id, second.id]
}

const daysAgo = (days: number) => new Date(Date.now() - days * 24 * 3600 * 1000)

async function ended(id: TaskId) {
  return until(`task ${id} has ended`, 90, async () => {
    const task = await client.task(id, 5)
    return ['succeeded', 'failed', 'cancelled', 'skipped'].includes(task.status) && task
  })
}

const scenarioOf = (point: Failpoint): Scenario => {
  if (point === 'admit.ended') return skipped
  if (point === 'admit.waiting' || point === 'admit.queued' || point.startsWith('upload.')) return upload
  if (point.startsWith('delete.')) return deleted
  if (point === 'expire.written') return abandoned
  if (point === 'retention.removed') return outlived
  if (point.startsWith('retention.')) return forgotten
  if (point === 'janitor.item-failed') return lost
  if (point.startsWith('requeue.')) return flaky
  if (point.startsWith('retry.') || point.startsWith('revive.')) return retried
  if (point === 'batch.aborted') return leftBatch
  if (point.startsWith('batch.')) return batch
  if (point.startsWith('bulk.')) return bulk
  if (point.startsWith('schedule.')) return scheduled
  if (point === 'webhook.switched-off') return unwanted
  if (point.startsWith('webhook.')) return told
  if (point.startsWith('resume.') || point === 'session.ended' || point === 'lost.written') return silentAgent
  if (point === 'session.replaced') return restartedAgent
  if (point === 'cancel.written' || point === 'create.cleared') return cancelWaiting
  if (point === 'cancel.requested') return cancelRunning
  return simple
}

test.each(failpoints)(
  'killed at %s: every task ends once, with the right outputs',
  async (point) => {
    await api.program.stop()
    const doomed = await api.start({ MILLRACE_CRASH_AT: point })
    const restarted = doomed.ended.then(async ({ signal }) => {
      expect(signal).toBe('SIGKILL')
      hit.add(point)
      await api.start()
    })
    const tasks = await scenarioOf(point)()
    await until(`${point} is reached`, 30, () => hit.has(point))
    await restarted
    await expectQuiet(deps.store, tasks)
  },
  180_000,
)

test('every point was hit', () => {
  expect(failpoints.filter((point) => !hit.has(point))).toEqual([])
})
