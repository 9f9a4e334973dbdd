import type { FinishRequest, TaskError } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { expectQuiet } from '../support/quiet.ts'
import { availableModule, echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { bytesOf } from '../support/upload-by-hand.ts'

type Report = Omit<FinishRequest, 'sessionId'>
const clock = shiftedClock()
const burst = availableModule({
  name: 'burst',
  outputs: [{ key: 'pictures', type: 'file', format: 'png', multiple: true }],
})
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock, random: () => 1 }))
  agent = await scriptedAgent(api)
  await agent.has([echo, burst])
})
afterAll(() => api.close())

async function running(more: object = {}, module = echo) {
  const task = await api.client.createTask({ module: module.name, ...more })
  expect((await agent.claim([module]))?.run).toBe(`${task.id}.1`)
  return task
}
const error = (code: TaskError['code'], retryable: boolean) => ({ code, message: `it ${code}`, retryable })
const failing = (code: TaskError['code'], retryable: boolean): Report => ({
  outcome: 'failed',
  error: error(code, retryable),
})

describe('a failure', () => {
  const classes: [string, Report, 'queued' | 'failed' | 'cancelled'][] = [
    ['of the module that may pass', failing('module_error', true), 'queued'],
    ['by a crash', failing('crashed', true), 'queued'],
    ['of the upload', failing('upload_failed', true), 'queued'],
    ['for want of memory, the first time', failing('out_of_memory', false), 'queued'],
    ['by running out of time', { outcome: 'timed_out', error: error('timed_out', true) }, 'queued'],
    ['that the module calls final', failing('module_error', false), 'failed'],
    ['of what it put out', failing('bad_output', false), 'failed'],
    ['for want of inputs', failing('data_not_available', false), 'failed'],
    ['without a reason', { outcome: 'failed' }, 'failed'],
  ]
  for (const [what, report, status] of classes) {
    test(`${what} leaves the task ${status}`, async () => {
      const task = await running({ backoff: { initialSeconds: 60 } })
      expect(await agent.finish(`${task.id}.1`, report)).toEqual({ applied: true })
      const after = await api.client.task(task.id)
      expect(after.status).toBe(status)
      expect(await api.client.run(`${task.id}.1`)).toMatchObject({
        status: report.outcome,
        willRetry: status === 'queued',
        nextRunId: status === 'queued' ? `${task.id}.2` : null,
      })
      if (status === 'queued') {
        expect(after).toMatchObject({ attempt: 2, currentRun: `${task.id}.2`, error: null })
        expect(await agent.claim([echo])).toBeNull() // it waits for its backoff
        await api.client.cancelTask(task.id)
      } else expect(after.error?.code).toBe(report.error?.code ?? 'crashed')
      await expectQuiet(api.deps.store, [task.id])
    })
  }

  test('is tried again after its backoff until the attempts are used up', async () => {
    const task = await running({ maxAttempts: 3, backoff: { initialSeconds: 10, factor: 3, maxSeconds: 20 } })
    for (const [attempt, delay] of [
      [1, 10],
      [2, 20],
    ] as const) {
      await agent.finish(`${task.id}.${attempt}`, failing('crashed', true))
      clock.forward(delay - 2)
      await agent.heartbeat([])
      await api.request('/api/tick', { method: 'POST' })
      expect(await agent.claim([echo])).toBeNull()
      clock.forward(3)
      await api.request('/api/tick', { method: 'POST' })
      expect((await agent.claim([echo]))?.run).toBe(`${task.id}.${attempt + 1}`)
    }
    await agent.finish(`${task.id}.3`, failing('crashed', true))
    expect(await api.client.task(task.id)).toMatchObject({
      status: 'failed',
      attempt: 3,
      error: { code: 'crashed', message: 'it crashed' },
    })
    await expectQuiet(api.deps.store, [task.id])
  })

  test('for want of memory is tried once more, not twice', async () => {
    const task = await running({ maxAttempts: 9, backoff: { initialSeconds: 0 } })
    await agent.finish(`${task.id}.1`, failing('out_of_memory', false))
    expect((await agent.claim([echo]))?.run).toBe(`${task.id}.2`)
    await agent.finish(`${task.id}.2`, failing('out_of_memory', false))
    expect(await api.client.task(task.id)).toMatchObject({
      status: 'failed',
      error: { code: 'out_of_memory' },
    })
  })
})

describe('a task handed back', () => {
  test('is ready at once and has lost no attempt', async () => {
    const task = await running({ maxAttempts: 1 })
    for (const attempt of [1, 2, 3]) {
      await agent.finish(`${task.id}.${attempt}`, { outcome: 'handed_back' })
      expect((await agent.claim([echo]))?.run).toBe(`${task.id}.${attempt + 1}`)
    }
    await agent.finish(`${task.id}.4`, { outcome: 'succeeded', result: {} })
    expect((await api.client.task(task.id)).status).toBe('succeeded')
    await expectQuiet(api.deps.store, [task.id])
  })
})

describe('a success', () => {
  const file = { output: 'copy', n: 0, name: 'a', size: 5, sha256: 'a'.repeat(64), contentType: 'text/plain' }

  test('with a file that is not in the store is upload_incomplete, until it is', async () => {
    const task = await running()
    const finish = (result: object) =>
      agent.call(`runs/${task.id}.1/finish`, { sessionId: agent.sessionId, outcome: 'succeeded', result })
    expect(await refusalOf(await finish({ copy: { file } }))).toEqual({
      status: 409,
      code: 'upload_incomplete',
    })
    const copy = await agent.upload(`${task.id}.1`, 'copy', 'a', 'text/plain', bytesOf('hello'))
    for (const other of [{ size: 6 }, { sha256: 'b'.repeat(64) }, { n: 1 }])
      expect((await finish({ copy: { file: { ...copy, ...other } } })).status).toBe(409)
    expect((await api.client.task(task.id)).status).toBe('running')
    expect((await finish({ copy: { file: copy } })).status).toBe(200)
    expect((await api.client.task(task.id)).status).toBe('succeeded')
  })

  test('with an output that the module does not have is refused, with its path', async () => {
    const task = await running()
    for (const key of ['nothing', 'constructor', 'a/b']) {
      const response = await agent.call(`runs/${task.id}.1/finish`, {
        sessionId: agent.sessionId,
        outcome: 'succeeded',
        result: { [key]: { value: 1 } },
      })
      const paths = [`/result/${key.replace('/', '~1')}`]
      expect(await refusalOf(response)).toEqual({ status: 422, code: 'invalid_request', paths })
    }
    await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: {} })
  })

  test('of a list makes an item for each file, in order', async () => {
    const task = await running({}, burst)
    const files = []
    for (const n of [0, 1, 2]) {
      const bytes = bytesOf(`picture ${n}`)
      files.push({ ...(await agent.upload(`${task.id}.1`, 'pictures', `${n}.png`, 'image/png', bytes, n)) })
    }
    const report: Report = { outcome: 'succeeded', result: { pictures: { files } } }
    expect(await agent.finish(`${task.id}.1`, report)).toEqual({ applied: true })
    const list = await api.client.data(task.outputs.pictures?.data ?? 'dat_')
    expect(list).toMatchObject({ type: 'list', status: 'available', isFile: false })
    const names = []
    for (const { data } of list.items ?? []) {
      const item = await api.client.data(data)
      expect(item).toMatchObject({
        type: 'image',
        isFile: true,
        producer: { taskId: task.id, output: 'pictures' },
      })
      names.push([item.fileName, new TextDecoder().decode(await api.client.download(data))])
    }
    expect(names).toEqual([
      ['0.png', 'picture 0'],
      ['1.png', 'picture 1'],
      ['2.png', 'picture 2'],
    ])
    expect((await api.client.task(task.id)).result).toEqual({ pictures: { data: list.id } })
  })
})
