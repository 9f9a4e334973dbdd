import { randomUUID } from 'node:crypto'
import { tick } from '@millrace/api'
import { type BatchTaskToCreate, fromOutput, fromRef } from '@millrace/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'

const clock = shiftedClock()
const picture = availableModule({
  name: 'picture',
  inputs: [{ key: 'in', type: 'file', format: ['png'], required: false }],
  outputs: [
    { key: 'photo', type: 'file', format: 'jpg' },
    { key: 'size', type: 'number' },
  ],
})
const join = availableModule({
  name: 'join',
  inputs: [{ key: 'texts', type: 'text', multiple: true }],
  outputs: [{ key: 'said', type: 'text' }],
})
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
  agent = await scriptedAgent(api)
  await agent.has([echo, picture, join])
})
afterAll(() => api.close())

const said = (ref: string) => ({ task: ref, output: 'said' })
const saidBy = (ref: string) => fromRef(ref, 'said')
const post = (tasks: object[]) => api.post('/api/tasks/batch', { tasks })
const countTasks = async () => api.deps.store.tasks.count({})

async function runNext(): Promise<string | null> {
  const granted = await agent.claim([echo, join])
  if (!granted) return null
  const { text, texts } = granted.inputs
  const one = text && 'value' in text ? text.value : ''
  const all = texts && 'list' in texts ? texts.list.map((each) => ('value' in each ? each.value : '')) : [one]
  const result = { said: { value: all.join('+') } }
  await agent.finish(granted.run, { outcome: 'succeeded', result })
  return granted.run
}

describe('a batch', () => {
  test('is a graph by local names: fan-out, fan-in, after', async () => {
    const tasks = await api.client.createTasks([
      { ref: 'end', module: 'echo', inputs: { text: saidBy('joined') }, after: ['a', 'b'] },
      { ref: 'joined', module: 'join', inputs: { texts: [saidBy('a'), saidBy('b')] } },
      { ref: 'a', module: 'echo', inputs: { text: saidBy('start') } },
      { ref: 'b', module: 'echo', inputs: { text: saidBy('start') } },
      { ref: 'start', module: 'echo', inputs: { text: 's' }, label: 'begins' },
    ])
    const statuses = Object.fromEntries(Object.entries(tasks).map(([ref, task]) => [ref, task.status]))
    expect(statuses).toEqual({
      end: 'blocked',
      joined: 'blocked',
      a: 'blocked',
      b: 'blocked',
      start: 'queued',
    })
    expect(tasks.joined?.inputs.texts).toEqual([
      { data: tasks.a?.outputs.said?.data },
      { data: tasks.b?.outputs.said?.data },
    ])
    for (let left = 5; left > 0; left -= 1) expect(await runNext()).not.toBeNull()
    expect(await api.client.task(tasks.end?.id ?? 'tsk_')).toMatchObject({
      status: 'succeeded',
      result: { said: 's+s' },
    })
    expect(await runNext()).toBeNull()
  })

  test('may name existing tasks', async () => {
    const before = await api.client.createTask({ module: 'echo', inputs: { text: 'b' } })
    const { next } = await api.client.createTasks([
      { ref: 'next', module: 'echo', inputs: { text: fromOutput(before.id, 'said') }, after: [before.id] },
    ])
    expect(next).toMatchObject({ status: 'blocked', after: [before.id] })
    await runNext()
    await runNext()
    expect(await api.client.task(next?.id ?? 'tsk_', 5)).toMatchObject({ status: 'succeeded' })
  })

  test('takes any word as a ref, also those of JavaScript', async () => {
    const tasks = ['__proto__', 'constructor', 'a-b_C9'].map((ref) => ({ ref, module: 'echo' }))
    const response = await post(tasks)
    expect(response.status).toBe(201)
    const text = await response.text()
    for (const { ref } of tasks) expect(text).toContain(`"${ref}":{"id":"tsk_`)
    await api.client.cancelTasks({ module: 'echo' })
  })

  test('of two thousand is accepted, and all of it is admitted', async () => {
    const key = randomUUID()
    const tasks = Array.from({ length: 2_000 }, (_, at) => ({
      ref: `t${at}`,
      module: 'echo',
      tags: [key],
      inputs: at % 2 ? { text: said(`t${at - 1}`) } : { text: 'x' },
    }))
    const response = await post(tasks)
    expect(response.status).toBe(201)
    const made = (await response.json()).tasks
    expect(Object.keys(made)).toHaveLength(2_000)
    const left = () => api.deps.store.tasks.count({ 'settle.kind': 'batch' })
    await expect.poll(left, { timeout: 120_000, interval: 500 }).toBe(0)
    expect(await api.deps.store.tasks.count({ tags: key, status: 'queued' })).toBe(1_000)
    expect(await api.deps.store.tasks.count({ tags: key, status: 'blocked' })).toBe(1_000)
    expect(await api.client.cancelTasks({ tag: key, status: 'queued' })).toBe(1_000)
    const ended = () => api.deps.store.tasks.count({ tags: key, finishedAt: null })
    await expect.poll(ended, { timeout: 180_000, interval: 1_000 }).toBe(0)
    expect(await api.deps.store.tasks.count({ tags: key, status: 'skipped' })).toBe(1_000)
  }, 400_000)

  test('sent again with its key, or fifty times at once, is one', async () => {
    const tasks: BatchTaskToCreate[] = [
      { ref: 'one', module: 'echo', tags: ['once'] },
      { ref: 'two', module: 'echo', tags: ['once'], after: ['one'] },
    ]
    const headers = { 'idempotency-key': randomUUID() }
    const send = () => api.post('/api/tasks/batch', { tasks }, { headers })
    const answers = await Promise.all(Array.from({ length: 50 }, send))
    expect(new Set(answers.map((answer) => answer.status)).size).toBeLessThanOrEqual(2)
    const again = await send()
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    const { items } = await api.client.listTasks({ tag: 'once' })
    expect(items.map((task) => task.id).sort()).toEqual(
      Object.values<{ id: string }>((await again.json()).tasks)
        .map((task) => task.id)
        .sort(),
    )
    await api.client.cancelTasks({ tag: 'once' })
  })
})

describe('a batch that is not committed', () => {
  test('is invisible to every caller, and removed after five minutes', async () => {
    const { lone } = await api.client.createTasks([{ ref: 'lone', module: 'echo', tags: ['staged'] }])
    const id = lone?.id ?? 'tsk_'
    // As a process leaves it that died before its last write.
    const batch = 'bat_01ARZ3NDEKTSV4RRFFQ69G5FAV'
    await api.client.cancelTask(id)
    await api.deps.store.tasks.change(id, (task) => ({
      ...task,
      status: 'blocked',
      finishedAt: null,
      settle: { kind: 'batch', batch },
    }))
    await api.deps.store.batches.insert({ _id: batch, rev: 1, state: 'staging', size: 1, at: clock.now() })
    await tick(api.deps)
    for (const [method, path] of [
      ['GET', `/api/tasks/${id}`],
      ['POST', `/api/tasks/${id}/cancel`],
      ['POST', `/api/tasks/${id}/retry`],
    ] as const)
      expect((await api.request(path, { method })).status, path).toBe(404)
    expect((await api.client.listTasks({ tag: 'staged' })).items).toEqual([])
    expect(await api.client.cancelTasks({ tag: 'staged' })).toBe(0)
    const named = await api.post('/api/tasks', { module: 'echo', after: [id] })
    expect(await refusalOf(named)).toMatchObject({ status: 422, paths: ['/after/0'] })
    clock.forward(6 * 60)
    await tick(api.deps)
    expect(await api.deps.store.tasks.get(id)).toBeNull()
    expect(await api.deps.store.batches.get(batch)).toMatchObject({ state: 'aborted' })
    clock.forward(26 * 3600)
    await tick(api.deps)
    expect(await api.deps.store.batches.get(batch)).toBeNull()
    clock.backToNow()
  })
})

describe('a batch is refused as a whole', () => {
  const task = (ref: string, more: object = {}) => ({ ref, module: 'echo', ...more })
  const ring = (length: number) =>
    Array.from({ length }, (_, at) => task(`r${at}`, { inputs: { text: said(`r${(at + 1) % length}`) } }))
  const many = (length: number) => Array.from({ length }, (_, at) => task(`m${at}`))

  test.each([
    ['a task that reads itself', [task('a', { inputs: { text: said('a') } })], 'cycle', ['/tasks/0']],
    ['a task that comes after itself', [task('a', { after: ['a'] })], 'cycle', ['/tasks/0']],
    ['a cycle of 2', ring(2), 'cycle', ['/tasks/0']],
    [
      'a cycle of 1,000, behind it another',
      [task('z', { after: ['r5'] }), ...ring(1000)],
      'cycle',
      undefined,
    ],
    ['10,001 tasks', many(10_001), 'invalid_request', ['/tasks']],
    ['no task', [], 'invalid_request', ['/tasks']],
    ['a ref that is taken', [task('a'), task('a')], 'invalid_request', ['/tasks/1/ref']],
    ['a ref like a task id', [task('tsk_a')], 'invalid_request', ['/tasks/0/ref']],
    ['a ref with a space', [task('a b')], 'invalid_request', ['/tasks/0/ref']],
    ['an unknown ref', [task('a', { after: ['b'] })], 'invalid_request', ['/tasks/0']],
    ['the output of one', [task('a', { inputs: { text: said('b') } })], 'invalid_request', ['/tasks/0']],
    [
      'an output that does not exist',
      [task('a'), task('b', { inputs: { text: { task: 'a', output: 'none' } } })],
      'invalid_request',
      ['/tasks/1/inputs/text/output'],
    ],
    [
      'an output of another type',
      [task('a'), task('b', { inputs: { count: said('a') } })],
      'invalid_request',
      ['/tasks/1/inputs/count'],
    ],
    [
      'an output of another format',
      [
        task('a', { module: 'picture' }),
        task('b', { module: 'picture', inputs: { in: { task: 'a', output: 'photo' } } }),
      ],
      'invalid_request',
      ['/tasks/1/inputs/in'],
    ],
    [
      'an unknown module',
      [task('a'), task('b', { module: 'none' })],
      'module_not_found',
      ['/tasks/1/module'],
    ],
    [
      'several faults, all named',
      [task('a', { inputs: { count: -5, other: 1 } }), task('b', { module: 'none' })],
      'invalid_request',
      ['/tasks/0/inputs/count', '/tasks/0/inputs/other', '/tasks/1/module'],
    ],
    [
      'a priority that is none',
      [task('a', { priority: 'urgent' })],
      'invalid_request',
      ['/tasks/0/priority'],
    ],
    [
      'absurd numbers',
      [task('a', { maxAttempts: 1e9, timeoutSeconds: -1, concurrencyLimit: 0.5, concurrencyKey: 'k' })],
      'invalid_request',
      ['/tasks/0/concurrencyLimit', '/tasks/0/maxAttempts', '/tasks/0/timeoutSeconds'],
    ],
  ])('%s', async (_what, tasks, code, paths) => {
    const before = await countTasks()
    const refusal = await refusalOf(await api.post('/api/tasks/batch', { tasks }))
    expect(refusal).toMatchObject({ status: 422, code, ...(paths ? { paths } : {}) })
    expect(await countTasks()).toBe(before)
  })

  test('and a cycle is named', async () => {
    const problem = await (await post(ring(3))).json()
    expect(problem.detail).toMatch(/r\d → r\d → r\d → r\d/)
    expect((await (await post(ring(1000))).json()).detail).toMatch(/… \(1000 tasks\)/)
  })
})
