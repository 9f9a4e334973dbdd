import type { Failpoint } from '@millrace/api'
import { fromData, fromOutput, type Task } from '@millrace/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'

let api: TestApi
let agent: ScriptedAgent
/** Points still to come until the process dies at one of them, here only for whatever it was just at. */
let toPass: Failpoint[] = []
beforeAll(async () => {
  api = await openApi((deps) => ({
    ...deps,
    failpoint(point) {
      if (point !== toPass[0]) return
      toPass = toPass.slice(1)
      if (toPass.length === 0) throw new Error(`the process dies after ${point}`)
    },
  }))
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterAll(() => api.close())

const now = (task: Task) => api.client.task(task.id)
const saidOf = (task: Task) => task.outputs.said?.data ?? 'dat_'
const following = (task: Task, more: object = {}) =>
  api.client.createTask({ module: 'echo', inputs: { text: fromOutput(task.id, 'said') }, ...more })

async function claimed(task: Task): Promise<string> {
  const granted = await agent.claim([echo])
  expect(granted?.run).toMatch(new RegExp(`^${task.id}\\.`))
  return granted?.run ?? ''
}
async function fail(task: Task) {
  const error = { code: 'module_error' as const, message: 'no light', retryable: false }
  await agent.finish(await claimed(task), { outcome: 'failed', error })
}
async function succeed(task: Task, said = 'said') {
  await agent.finish(await claimed(task), { outcome: 'succeeded', result: { said: { value: said } } })
}

let first: Task
beforeEach(async () => {
  first = await api.client.createTask({ module: 'echo', maxAttempts: 2, label: 'first' })
})

describe('a retry', () => {
  test('gives a failed task a fresh round: outputs pending, failures reset, history kept', async () => {
    await fail(first)
    const again = await api.client.retryTask(first.id)
    expect(again).toMatchObject({ status: 'queued', attempt: 2, currentRun: `${first.id}.2`, error: null })
    const output = await api.client.data(saidOf(first))
    expect(output.status).toBe('pending')
    expect(output.error).toBeUndefined()
    await succeed(first)
    const done = await now(first)
    expect(done).toMatchObject({ status: 'succeeded', result: { said: 'said' } })
    expect(done.history.map((one) => one.status)).toEqual([
      'blocked',
      'queued',
      'running',
      'failed',
      'blocked',
      'queued',
      'running',
      'succeeded',
    ])
    expect(await api.client.data(saidOf(first))).toMatchObject({ status: 'available', value: 'said' })
    const { items } = await api.client.listRuns({ task: first.id })
    expect(items.map((run) => [run.attempt, run.status])).toEqual([
      [2, 'succeeded'],
      [1, 'failed'],
    ])
  })

  test('gives as many attempts as the first round', async () => {
    const retriable = { code: 'module_error' as const, message: 'again', retryable: true }
    await api.deps.store.tasks.change(first.id, (task) => ({
      ...task,
      backoff: { initialSeconds: 0, factor: 1, maxSeconds: 0 },
    }))
    const useUp = async () => {
      for (let left = 2; left > 0; left -= 1)
        await agent.finish(await claimed(first), { outcome: 'failed', error: retriable })
      expect(await now(first)).toMatchObject({ status: 'failed', error: { message: 'again' } })
    }
    await useUp()
    await api.client.retryTask(first.id)
    await useUp()
    expect(await now(first)).toMatchObject({ attempt: 4 })
  })

  test('revives what was skipped because of it, along the whole chain', async () => {
    const second = await following(first)
    const third = await following(second)
    const last = await api.client.createTask({ module: 'echo', after: [third.id] })
    await fail(first)
    for (const task of [second, third, last])
      expect(await now(task)).toMatchObject({
        status: 'skipped',
        error: {
          code: 'upstream_failed',
          message: `${first.id} failed: no light`,
          detail: { rootTaskId: first.id },
        },
      })
    await api.client.retryTask(first.id)
    for (const task of [second, third, last])
      expect(await now(task)).toMatchObject({ status: 'blocked', error: null })
    expect(await api.client.data(saidOf(third))).toMatchObject({ status: 'pending' })
    for (const task of [first, second, third, last]) await succeed(task)
    expect(await now(last)).toMatchObject({ status: 'succeeded', attempt: 2 })
  })

  test('also revives a task that was skipped just before by a process that died', async () => {
    const second = await following(first)
    const third = await following(second)
    toPass = ['settle.cleared', 'settle.outputs-written']
    await expect(fail(first)).rejects.toThrow('500')
    expect(await api.deps.store.tasks.get(second.id)).toMatchObject({
      status: 'skipped',
      settle: { kind: 'terminal' },
    })
    await api.client.retryTask(first.id)
    for (const task of [second, third]) expect(await now(task)).toMatchObject({ status: 'blocked' })
    for (const task of [first, second, third]) await succeed(task)
  })

  test('leaves what another failed task keeps from running, until that one is tried again too', async () => {
    const other = await api.client.createTask({ module: 'echo' })
    const both = await following(first, { after: [other.id] })
    await fail(first)
    await fail(other)
    await api.client.retryTask(first.id)
    expect(await now(both)).toMatchObject({ status: 'skipped' })
    await api.client.retryTask(other.id)
    expect(await now(both)).toMatchObject({ status: 'blocked' })
    await succeed(first)
    await succeed(other)
    await succeed(both)
  })

  test('of a cancelled task works likewise, a cancelled dependent stays cancelled', async () => {
    const second = await following(first)
    const third = await following(first)
    await api.client.cancelTask(third.id)
    await api.client.cancelTask(first.id)
    expect(await now(second)).toMatchObject({ error: { message: `${first.id} was cancelled` } })
    expect(await api.client.retryTask(first.id)).toMatchObject({ status: 'queued', cancelRequestedAt: null })
    expect((await now(second)).status).toBe('blocked')
    expect((await now(third)).status).toBe('cancelled')
    await succeed(first)
    await succeed(second)
  })

  test('of a skipped task alone is skipped again, and says which task to try again', async () => {
    const second = await following(first)
    await fail(first)
    expect(await api.client.retryTask(second.id)).toMatchObject({
      status: 'skipped',
      attempt: 2,
      error: { detail: { rootTaskId: first.id } },
    })
  })

  test('creates a deleted output again, under the same id', async () => {
    await fail(first)
    await api.client.deleteData(saidOf(first))
    await api.client.retryTask(first.id)
    expect(await api.client.data(saidOf(first))).toMatchObject({ status: 'pending', label: 'first · said' })
    await succeed(first)
    expect(await api.client.data(saidOf(first))).toMatchObject({ status: 'available' })
  })

  test('sent again with the same key begins no second round', async () => {
    await fail(first)
    await api.client.retryTask(first.id, `again-${first.id}`)
    await fail(first)
    const repeated = await api.client.retryTask(first.id, `again-${first.id}`)
    expect(repeated).toMatchObject({ status: 'failed', attempt: 2 })
    expect(await api.client.retryTask(first.id, `next-${first.id}`)).toMatchObject({ attempt: 3 })
    await api.client.cancelTask(first.id)
  })

  test('by fifty at once is one', async () => {
    await fail(first)
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => api.request(`/api/tasks/${first.id}/retry`, { method: 'POST' })),
    )
    expect(answers.filter((answer) => answer.status === 202)).toHaveLength(1)
    expect(await now(first)).toMatchObject({ attempt: 2, status: 'queued' })
    await succeed(first)
  })

  test('keeps a late report of an earlier round from counting', async () => {
    const run = await claimed(first)
    await agent.finish(run, {
      outcome: 'failed',
      error: { code: 'module_error', message: 'x', retryable: false },
    })
    await api.client.retryTask(first.id)
    await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'late' } } })
    expect(await now(first)).toMatchObject({ status: 'queued', result: null })
    await succeed(first, 'right')
    expect(await now(first)).toMatchObject({ result: { said: 'right' } })
  })
})

describe('a retry is refused', () => {
  const retried = (task: Task) => api.request(`/api/tasks/${task.id}/retry`, { method: 'POST' })

  test('of a task that has not ended, or has succeeded', async () => {
    expect(await refusalOf(await retried(first))).toMatchObject({ status: 409, code: 'not_finished' })
    const run = await claimed(first)
    expect(await refusalOf(await retried(first))).toMatchObject({ code: 'not_finished' })
    await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'a' } } })
    expect(await refusalOf(await retried(first))).toMatchObject({ status: 409, code: 'already_finished' })
  })

  test('of an unknown task', async () => {
    const path = '/api/tasks/tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV/retry'
    expect(await refusalOf(await api.request(path, { method: 'POST' }))).toMatchObject({ status: 404 })
  })

  test('when an input is gone', async () => {
    await api.client.cancelTask(first.id)
    const value = await api.client.createValue({ label: 'v', value: 'text' })
    const reader = await api.client.createTask({ module: 'echo', inputs: { text: fromData(value.id) } })
    await api.client.cancelTask(reader.id)
    await api.client.deleteData(value.id)
    expect(await refusalOf(await retried(reader))).toMatchObject({ status: 409, code: 'data_not_available' })
  })
})
