import type { Task } from '@millrace/client'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { availableModule, echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { announce } from '../support/upload-by-hand.ts'

const clock = shiftedClock()
const onGpu = (minVramMb: number) =>
  availableModule({
    name: 'on-gpu',
    inputs: [],
    outputs: [],
    resources: { uses_gpu: true, min_vram_mb: minVramMb },
  })
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
})
afterAll(() => api.close())
beforeEach(async () => {
  await api.client.changeSettings({ maxRunningTasks: 10, perModule: { echo: null } })
  await api.client.cancelTasks({ createdAfter: '2020-01-01T00:00:00Z' })
  clock.forward(40) // the agents of the test before are gone
  agent = await scriptedAgent(api)
  await agent.registerAgain({ capacity: 2, name: 'desk-pc' })
  await agent.has([echo])
})

const create = (more: object = {}) => api.client.createTask({ module: 'echo', ...more })
const why = (task: Task) => api.client.why(task.id)
const reasons = async (task: Task) => (await why(task)).map(({ reason }) => reason)
const said = { outcome: 'succeeded' as const, result: { said: { value: 'x' } } }

test('upstream: every item and task that is still to come, with its state', async () => {
  const first = await create({ label: 'the first' })
  const { data } = await announce(api, {})
  const task = await create({
    after: [first.id],
    inputs: { text: 'a' },
  })
  const reader = (
    await (
      await api.post('/api/tasks', {
        module: 'echo',
        inputs: { text: { task: first.id, output: 'said' }, file: { data: data.id } },
      })
    ).json()
  ).task
  expect(await why(task)).toEqual([
    {
      reason: 'upstream',
      detail: `It comes after task ${first.id} (the first), which is queued.`,
      taskId: first.id,
      status: 'queued',
    },
  ])
  expect(await why(reader)).toMatchObject([
    { reason: 'upstream', taskId: first.id, status: 'queued' },
    { reason: 'upstream', dataId: data.id, status: 'uploading' },
  ])
})

test('not_before and retry_backoff: until when', async () => {
  const notBefore = new Date(clock.now().getTime() + 60_000).toISOString()
  expect(await why(await create({ notBefore }))).toMatchObject([{ reason: 'not_before', until: notBefore }])
  const task = await create({ backoff: { initialSeconds: 600, maxSeconds: 600 } })
  const granted = await agent.claim([echo])
  const error = { code: 'module_error' as const, message: 'x', retryable: true }
  await agent.finish(granted?.run ?? '', { outcome: 'failed', error })
  expect(await why(task)).toMatchObject([
    { reason: 'retry_backoff', detail: expect.stringMatching(/^Attempt 2 begins in/) },
  ])
})

test('concurrency_limit, module_limit, global_limit: who holds the places', async () => {
  const running = await create({ concurrencyKey: 'customer-7', concurrencyLimit: 1 })
  await agent.claim([echo])
  const held = await create({ concurrencyKey: 'customer-7', concurrencyLimit: 1 })
  expect(await why(held)).toMatchObject([
    { reason: 'concurrency_limit', key: 'customer-7', limit: 1, running: [`${running.id}.1`] },
  ])
  await api.client.changeSettings({ maxRunningTasks: 1, perModule: { echo: 1 } })
  expect(await reasons(held)).toEqual(['concurrency_limit', 'module_limit', 'global_limit'])
  await agent.finish(`${running.id}.1`, said)
  await api.client.changeSettings({ maxRunningTasks: 0 })
  expect(await why(held)).toMatchObject([{ reason: 'global_limit', limit: 0, expectedSeconds: null }])
})

test('agent_full and behind_others: how many are ahead, and how long it takes by past runs', async () => {
  const tasks = []
  for (let left = 4; left > 0; left -= 1) tasks.push(await create())
  const runs = [(await agent.claim([echo]))?.run ?? '', (await agent.claim([echo]))?.run ?? '']
  clock.forward(8)
  await agent.heartbeat(runs)
  for (const run of runs) await agent.finish(run, said)
  for (let left = 2; left > 0; left -= 1) await agent.claim([echo])
  const [ahead, last] = [await create(), await create()]
  expect(await reasons(ahead)).toEqual(['agent_full'])
  const waiting = await why(last)
  expect(waiting.map(({ reason }) => reason)).toEqual(['agent_full', 'behind_others'])
  expect(waiting[0]).toMatchObject({
    detail: expect.stringMatching(
      /^2 of 2 runs are busy on desk-pc; 1 task is ahead; the first is expected to end in about/,
    ),
    ahead: 1,
    agents: [{ name: 'desk-pc', running: 2, capacity: 2 }],
  })
  expect(waiting[0]?.expectedSeconds).toBeGreaterThan(6)
  expect(waiting[0]?.expectedSeconds).toBeLessThanOrEqual(9)
  const [running] = await Promise.all(tasks.slice(2).map(why))
  expect(running).toEqual([])
})

test('no_agent and module_unavailable: no agent has it, it is in error, or switched off', async () => {
  const task = await create()
  await agent.has([{ ...echo, status: 'ERROR', error: 'Missing library libGL.so.' }])
  expect(await why(task)).toMatchObject([
    { reason: 'module_unavailable', status: 'ERROR', detail: expect.stringMatching(/libGL/) },
  ])
  await agent.has([echo])
  expect(await why(task)).toEqual([])
  await api.request('/api/modules/echo/disable', { method: 'POST' })
  expect(await reasons(task)).toEqual(['module_unavailable'])
  await api.request('/api/modules/echo/enable', { method: 'POST' })
  await agent.has([])
  expect(await reasons(task)).toEqual(['no_agent'])
})

test('no_gpu and gpu_memory: what the module needs, and what the agents have', async () => {
  await agent.has([onGpu(8_000)])
  const task = await api.client.createTask({ module: 'on-gpu' })
  expect(await why(task)).toMatchObject([
    { reason: 'no_gpu', detail: expect.stringMatching(/desk-pc has none/) },
  ])
  const gpu = { uuid: 'g', name: 'RTX', memoryTotal: 32 * 1024 ** 3, memoryUsed: 30 * 1024 ** 3 }
  await agent.heartbeat([], { gpus: [gpu] })
  expect(await why(task)).toMatchObject([
    { reason: 'gpu_memory', detail: expect.stringMatching(/8000 MiB .* 2048 MiB/) },
  ])
  await agent.heartbeat([], { gpus: [{ ...gpu, memoryUsed: 0 }] })
  expect(await why(task)).toEqual([])
})

test('nothing, of an ended or unknown task', async () => {
  const task = await create()
  await api.client.cancelTask(task.id)
  expect(await why(task)).toEqual([])
  expect((await api.request('/api/tasks/tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV/why')).status).toBe(404)
})
