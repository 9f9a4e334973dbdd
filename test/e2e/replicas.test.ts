import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ApiPorts, openPorts, readConfig } from '@millrace/api'
import { type BatchTaskToCreate, fromRef, isTerminal } from '@millrace/client'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type AgentProcess, agentProcess } from '../support/agent-process.ts'
import { ownDatabase } from '../support/api-in-process.ts'
import { type ApiProcess, apiProcess } from '../support/api-process.ts'
import { expectQuiet } from '../support/quiet.ts'
import { until } from '../support/until.ts'

/** Three processes of the API, each with its tick, over one database; agents at two of them; load at all three. */
let replicas: ApiProcess[]
let agents: AgentProcess[]
let deps: ApiPorts
let hook: Server
const told: string[] = []

beforeAll(async () => {
  const servers: Record<string, string> = inject('servers')
  const env = {
    ...servers,
    MONGODB_URL: ownDatabase(servers.MONGODB_URL ?? ''),
    WEBHOOK_ALLOW_PRIVATE: '1',
  }
  deps = openPorts(readConfig(env), pino({ level: 'silent' }))
  replicas = await Promise.all([1, 2, 3].map(() => apiProcess(env, 'an-admin-key-for-tests')))
  for (const replica of replicas) await replica.start()
  hook = createServer((request, response) => {
    told.push(String(request.headers['webhook-id']))
    request.resume()
    response.end()
  })
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
  const { client } = replica(0)
  agents = []
  for (const at of [0, 1]) {
    const { secret } = await client.createKey({ name: `agent ${at}`, scopes: ['agent'] })
    const agent = await agentProcess(replica(at).url, secret ?? '', ['text-stats', 'flaky'], {
      MAX_RUNS: '2',
    })
    agent.start()
    agents.push(agent)
  }
  await agents[0]?.available(client)
})
afterAll(async () => {
  for (const agent of agents ?? []) await agent.close()
  for (const replica of replicas ?? []) await replica.stop()
  hook?.closeAllConnections()
  hook?.close()
  await deps?.bus.close()
  await deps?.store.close()
})

function replica(at: number): ApiProcess {
  const one = replicas[at % replicas.length]
  if (!one) throw new Error('no replicas')
  return one
}

/** A diamond whose joint also fails once on the way. */
const diamond = (tag: string): BatchTaskToCreate[] => [
  { ref: 'top', module: 'text-stats', inputs: { text: 'one two' }, tags: [tag] },
  { ref: 'left', module: 'text-stats', inputs: { text: 'left' }, after: ['top'], tags: [tag] },
  {
    ref: 'right',
    module: 'flaky',
    inputs: { failures: fromRef('top', 'lines') },
    backoff: { initialSeconds: 0 },
    tags: [tag],
  },
  {
    ref: 'joint',
    module: 'flaky',
    inputs: { failures: fromRef('left', 'lines') },
    after: ['right'],
    backoff: { initialSeconds: 0 },
    tags: [tag],
  },
]

test('three replicas side by side do nothing twice', async () => {
  const { port } = hook.address() as AddressInfo
  await replica(0).client.send('POST', '/api/webhooks', { body: { url: `http://127.0.0.1:${port}/` } })
  const beats = await Promise.all(
    [0, 1, 2].map((at) =>
      replica(at).client.createSchedule({
        name: `beat ${at}`,
        everySeconds: 1,
        task: { module: 'text-stats', inputs: { text: 'beat' }, tags: ['beat'] },
      }),
    ),
  )
  const batches = await Promise.all(
    Array.from({ length: 15 }, (_, at) => replica(at).client.createTasks(diamond('diamond'))),
  )
  const same = await Promise.all(
    Array.from({ length: 30 }, (_, at) =>
      replica(at).client.createTask(
        { module: 'text-stats', inputs: { text: 'once' }, tags: ['once'] },
        'the same key',
      ),
    ),
  )
  expect(new Set(same.map(({ id }) => id)).size).toBe(1)
  const doomed = await replica(1).client.createTask({
    module: 'text-stats',
    inputs: { text: 'x' },
    after: [same[0]?.id ?? 'tsk_'],
  })
  await Promise.allSettled([0, 1, 2].map((at) => replica(at).client.cancelTask(doomed.id)))

  const ids = batches.flatMap((batch) => Object.values(batch).map(({ id }) => id))
  await until('all diamonds have ended', 120, async () =>
    (await deps.store.tasks.many(ids)).every((task) => isTerminal(task.status)),
  )
  for (const [at, beat] of beats.entries()) await replica(at).client.deleteSchedule(beat.id)
  const all = await deps.store.tasks.find({}, { limit: 10_000 })
  await expectQuiet(
    deps.store,
    all.map(({ _id }) => _id),
    60,
  )

  const diamonds = await deps.store.tasks.many(ids)
  expect(new Set(diamonds.map(({ status }) => status))).toEqual(new Set(['succeeded']))
  // It fails once with each agent that it meets.
  for (const { module, attempt } of diamonds) if (module === 'flaky') expect([2, 3]).toContain(attempt)

  const beaten = all.filter(({ tags }) => tags.includes('beat'))
  expect(beaten.length).toBeGreaterThan(10)
  const times = beaten.map(({ requestId }) => requestId)
  expect(new Set(times).size, 'a task for each fire time').toBe(times.length)

  const wanted = all.length
  await until('every receiver got the event', 60, () => new Set(told).size === wanted)
  expect(told.length, 'each once').toBe(wanted)
}, 300_000)
