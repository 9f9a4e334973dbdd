import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tick } from '@millrace/api'
import { fromData, type Task } from '@millrace/client'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { type AgentProcess, agentProcess } from '../support/agent-process.ts'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import {
  type Moment,
  type ObservedHttp,
  type ObservedRequest,
  observedHttp,
} from '../support/observed-http.ts'
import { processesOfTask } from '../support/processes-of.ts'
import { expectQuiet } from '../support/quiet.ts'
import { availableModule, scriptedAgent } from '../support/scripted-agent.ts'
import { servedApi } from '../support/served-api.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { until } from '../support/until.ts'
import { bytesOf } from '../support/upload-by-hand.ts'

/** What happens to the work of an agent that is killed, or unreachable for hours. */

const clock = shiftedClock()
let api: TestApi
let served: Awaited<ReturnType<typeof servedApi>>
let way: ObservedHttp
let store: ObservedHttp
let agent: AgentProcess
beforeEach(async () => {
  const servers: Record<string, string> = inject('servers')
  clock.backToNow()
  store = await observedHttp(servers.S3_ENDPOINT ?? '')
  api = await openApi((deps) => ({ ...deps, clock }), { S3_PUBLIC_ENDPOINT: store.url })
  served = await servedApi(api)
  way = await observedHttp(served.url)
  const { secret } = await api.client.createKey({ name: 'agent', scopes: ['agent'] })
  agent = await agentProcess(way.url, secret ?? '', ['carry'])
  agent.start()
  await agent.available(api.client)
})
afterEach(async () => {
  vi.useRealTimers()
  await agent?.close()
  for (const one of [way, store, served, api]) await one?.close()
})

async function create(): Promise<Task['id']> {
  const { id } = await api.client.upload({
    name: 'a.bin',
    contentType: 'application/octet-stream',
    bytes: load,
  })
  return (await api.client.createTask({ module: 'carry', inputs: { load: fromData(id) } })).id
}
const load = bytesOf('heavy '.repeat(100_000))

const ended = (id: Task['id']) =>
  until(`task ${id} has ended`, 60, async () => {
    const task = await api.client.task(id)
    return task.finishedAt !== null && task
  })

async function expectOneResult(id: Task['id'], attempt: number): Promise<void> {
  expect(await ended(id)).toMatchObject({
    status: 'succeeded',
    currentRun: `${id}.${attempt}`,
    result: { bytes: load.byteLength },
  })
  await expectQuiet(api.deps.store, [id])
  const [task] = await api.deps.store.tasks.many([id])
  const item = await api.deps.store.data.get(task?.outputs.load?.data ?? 'dat_')
  expect(item).toMatchObject({
    status: 'available',
    object: `runs/${id}/${attempt}/load/0`,
    size: load.byteLength,
  })
  await until(
    'the agent keeps nothing of it',
    30,
    async () => (await kept('spool')).length + (await kept('runs')).length === 0,
  )
}
const kept = (folder: string) => readdir(join(agent.home, 'agent', folder))

/** The run ends while nothing can be reached; then hours pass, and the API gives it up. */
async function finishOffline(): Promise<Task['id']> {
  const id = await create()
  await until('it runs', 30, async () => (await processesOfTask(id)).length > 0)
  way.cut('reset')
  await until('its result is on disk', 30, () => existsSync(join(agent.home, 'agent/spool', `${id}.1.json`)))
  store.cut('reset')
  await hoursPass()
  expect(await api.client.task(id)).toMatchObject({ status: 'queued', attempt: 2 })
  return id
}

/** The API runs all the time, and gets no request. */
async function hoursPass(): Promise<void> {
  await tick(api.deps)
  for (let seconds = 0; seconds < 30; seconds += 2) {
    clock.forward(2)
    await tick(api.deps)
  }
  clock.forward(5 * 3600)
}

const mend = () => {
  way.mend()
  store.mend()
}

describe('a result that hours offline kept back', () => {
  test('counts, once, if no agent took the task over', async () => {
    const id = await finishOffline()
    mend()
    await expectOneResult(id, 1)
  })

  test('counts as well after kill -9 and a restart of the machine', async () => {
    const id = await finishOffline()
    agent.program.kill('SIGKILL')
    await agent.program.ended
    mend()
    agent.start()
    await expectOneResult(id, 1)
  })

  test('changes nothing if another agent did', async () => {
    const id = await finishOffline()
    const entry = availableModule(
      JSON.parse(await readFile(join(agent.modulesDir, 'carry/module.json'), 'utf8')),
    )
    const other = await scriptedAgent(api)
    await other.has([entry])
    expect((await other.claim([entry]))?.run).toBe(`${id}.2`)
    mend()
    await until('the agent gave its own up', 30, async () => (await kept('spool')).length === 0)
    const file = await other.upload(`${id}.2`, 'load', 'load.bin', 'application/octet-stream', load)
    await other.finish(`${id}.2`, {
      outcome: 'succeeded',
      result: { load: { file }, bytes: { value: load.byteLength } },
    })
    await expectOneResult(id, 2)
  })
})

type Point = [name: string, is: (moment: Moment, request: ObservedRequest) => boolean]
const points: Point[] = [
  ['asks for URLs', (moment, { path }) => moment === 'request' && path.endsWith('/outputs')],
  [
    'has sent half of an output',
    (moment, { method, sent }) => moment === 'sending' && method === 'PUT' && sent > 300_000,
  ],
  [
    'has sent all of it',
    (moment, { method, path }) => moment === 'answer' && method === 'PUT' && path.includes('/load/'),
  ],
  ['sends its report', (moment, { path }) => moment === 'request' && path.endsWith('/finish')],
  ['is answered', (moment, { path }) => moment === 'answer' && path.endsWith('/finish')],
]

describe('kill -9 of an agent that reports', () => {
  test.each(points)(
    'when it %s: started again, it continues to report, and the task has one result',
    async (_, is) => {
      const killed = Promise.withResolvers<void>()
      const kill = (moment: Moment, request: ObservedRequest) => {
        if (!is(moment, request)) return
        agent.program.kill('SIGKILL')
        killed.resolve()
      }
      way.onMoment = store.onMoment = kill
      const id = await create()
      await killed.promise
      await agent.program.ended
      way.onMoment = store.onMoment = () => undefined
      agent.start()
      const { attempt } = await ended(id)
      expect([1, 2]).toContain(attempt)
      await expectOneResult(id, attempt)
    },
  )
})

test('URLs that ran out on the way are asked for again', async () => {
  const late = new Set<string>()
  // Signed an hour ago and more, the first time that each is given.
  way.onMoment = (moment, { path, answered }) => {
    const kind = /\/(claim|outputs)$/.exec(path)?.[1]
    if (!kind || late.has(kind)) return
    if (moment === 'request') vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 61 * 60 * 1000 })
    if (moment === 'answer') {
      vi.useRealTimers()
      if (answered === 200) late.add(kind)
    }
  }
  const id = await create()
  await expectOneResult(id, 1)
  const answers = (method: string, path: RegExp) =>
    store.requests
      .filter((one) => one.method === method && path.test(one.path))
      .map(({ answered }) => answered)
  expect(answers('GET', /\/incoming\//)).toEqual([403, 200])
  expect(answers('PUT', /\/runs\/.*\/load\//)).toEqual([403, 200])
})
