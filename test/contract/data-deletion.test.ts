import type { ApiPorts, Failpoint } from '@millrace/api'
import { type DataId, fromData, fromOutput, type Task } from '@millrace/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { announce, bytesOf, put } from '../support/upload-by-hand.ts'

const clock = shiftedClock()
const reader = availableModule({
  name: 'reader',
  inputs: [
    { key: 'text', type: 'text', required: false },
    { key: 'files', type: 'file', multiple: true, required: false },
  ],
  outputs: [
    { key: 'said', type: 'text' },
    { key: 'pages', type: 'file', multiple: true, required: false },
  ],
})
let breakingOffAt: Failpoint | null = null
/** Runs once, right after a deletion has asked who needs the item. */
let afterQuestion: (() => Promise<unknown>) | null = null
let api: TestApi
let agent: ScriptedAgent

beforeAll(async () => {
  api = await openApi((deps) => ({
    ...deps,
    clock,
    store: { ...deps.store, tasks: listening(deps.store.tasks) },
    failpoint(point) {
      if (point === breakingOffAt) throw new Error('the process ends here')
    },
  }))
})
beforeEach(async () => {
  agent = await scriptedAgent(api)
  await agent.has([reader])
})
afterAll(() => api.close())

function listening(tasks: ApiPorts['store']['tasks']): ApiPorts['store']['tasks'] {
  return {
    ...tasks,
    async find(filter, options) {
      const found = await tasks.find(filter, options)
      const then = 'reads' in filter ? afterQuestion : null
      if (then) afterQuestion = null
      await then?.()
      return found
    },
  }
}

const value = () => api.client.createValue({ label: 'v', value: 'a text' })
const file = (name = 'a.txt') =>
  api.client.upload({ name, contentType: 'text/plain', bytes: bytesOf('hello') })
const reading = (id: DataId, more: object = {}) =>
  api.client.createTask({ module: 'reader', inputs: { text: fromData(id) }, ...more })
const remove = (id: string) => api.request(`/api/data/${id}`, { method: 'DELETE' })
const stored = (id: DataId) => api.deps.store.data.get(id)
const status = async (id: DataId) => (await stored(id))?.status ?? 'gone'
const tick = () => api.request('/api/tick', { method: 'POST' })
async function tickLater() {
  clock.forward(4)
  await tick()
}
async function expectInUse(id: DataId, task: Task) {
  const response = await remove(id)
  const { detail } = await response.clone().json()
  expect(await refusalOf(response)).toEqual({ status: 409, code: 'data_in_use' })
  expect(detail).toContain(task.id)
  expect(await stored(id)).toMatchObject({ settle: null })
}
const claim = async (task: Task) => expect((await agent.claim([reader]))?.run).toBe(`${task.id}.1`)
/** Ends a task with a text and files of one line each. */
async function succeed(task: Task, pages = 0) {
  await claim(task)
  const files = await Promise.all(
    Array.from({ length: pages }, (_, n) =>
      agent.upload(`${task.id}.1`, 'pages', `${n}.txt`, 'text/plain', bytesOf(`page ${n}`), n),
    ),
  )
  const result = { said: { value: 'said' }, ...(pages > 0 ? { pages: { files } } : {}) }
  await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result })
}
async function listOfPages(pages: number) {
  const task = await api.client.createTask({ module: 'reader' })
  await succeed(task, pages)
  const list = await api.client.data(task.outputs.pages?.data ?? 'dat_')
  return { task, list, elements: list.items?.map((element) => element.data) ?? [] }
}

describe('DELETE', () => {
  test('removes the item and its content', async () => {
    const { id } = await file()
    const key = (await stored(id))?.object ?? ''
    expect(await api.deps.objects.head(key)).not.toBeNull()
    await api.client.deleteData(id)
    expect(await api.deps.objects.head(key)).toBeNull()
    expect((await api.request(`/api/data/${id}`)).status).toBe(404)
    expect((await remove(id)).status).toBe(404)
    const late = await api.post('/api/tasks', { module: 'reader', inputs: { text: { data: id } } })
    expect(late.status).toBe(422)
  })

  test('of an upload removes what arrived under each of its URLs, once no task waits for it', async () => {
    const { data, upload } = await announce(api, {})
    expect(await put(upload, bytesOf('hello'))).toBe(200)
    const second = await (await api.request(`/api/data/${data.id}/upload`, { method: 'POST' })).json()
    expect(await put(second.upload, bytesOf('hello'))).toBe(200)
    const waiting = await reading(data.id)
    await expectInUse(data.id, waiting)
    expect(await status(data.id)).toBe('uploading')
    await api.client.cancelTask(waiting.id)
    expect((await remove(data.id)).status).toBe(204)
    for (const n of [1, 2]) expect(await api.deps.objects.head(`incoming/${data.id}/${n}`)).toBeNull()
  })

  test('of an upload in parts removes the parts that have arrived', async () => {
    const body = { label: 'big', file: { name: 'big', size: 101 * 1024 * 1024 } }
    const { data } = await (await api.post('/api/data', body)).json()
    const { parts } = await (
      await api.post(`/api/data/${data.id}/parts`, { parts: [{ partNumber: 7 }] })
    ).json()
    const bytes = new Uint8Array(5 * 1024 * 1024)
    expect(
      (await fetch(parts[0].url, { method: 'PUT', headers: parts[0].headers, body: bytes })).status,
    ).toBe(200)
    const uploadId = (await stored(data.id))?.multipart?.uploadId ?? ''
    const arrived = () => api.deps.objects.multipart.list(`incoming/${data.id}/1`, uploadId)
    expect(await arrived()).toHaveLength(1)
    expect((await remove(data.id)).status).toBe(204)
    expect(await arrived()).toBeNull()
  })

  test('twice at once is harmless', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await value()
      const answers = await Promise.all([remove(id), remove(id), remove(id)])
      const codes = answers.map((answer) => answer.status)
      expect(codes).toContain(204)
      expect(codes.filter((code) => code !== 204 && code !== 404)).toEqual([])
      expect(await status(id)).toBe('gone')
    }
  })

  test('of a failed item is allowed', async () => {
    const task = await api.client.createTask({ module: 'reader' })
    await api.client.cancelTask(task.id)
    const id = task.outputs.said?.data ?? 'dat_'
    expect(await status(id)).toBe('failed')
    expect((await remove(id)).status).toBe(204)
  })
})

describe('409 data_in_use', () => {
  test('while a queued or running task reads the item, and not after its end', async () => {
    const { id } = await file()
    const task = await reading(id)
    await expectInUse(id, task)
    await claim(task)
    await expectInUse(id, task)
    await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: { said: { value: 'x' } } })
    expect((await remove(id)).status).toBe(204)
    expect((await api.client.task(task.id)).status).toBe('succeeded')
  })

  test('while a blocked task is to read it, or an unfinished one to produce it', async () => {
    const first = await api.client.createTask({ module: 'reader' })
    const kept = await value()
    const second = await reading(kept.id, { after: [first.id] })
    const third = await api.client.createTask({
      module: 'reader',
      inputs: { text: fromOutput(first.id, 'said') },
    })
    expect(second.status).toBe('blocked')
    await expectInUse(kept.id, second)
    const said = first.outputs.said?.data ?? 'dat_'
    await expectInUse(said, first)
    expect(await status(said)).toBe('pending')
    await succeed(first)
    await expectInUse(said, third)
    expect(await status(said)).toBe('available')
    for (const task of [second, third]) await api.client.cancelTask(task.id)
    for (const id of [kept.id, said]) expect((await remove(id)).status).toBe(204)
  })

  test('for an element of a list that a task reads; an element without readers leaves its list', async () => {
    const { list, elements } = await listOfPages(2)
    const [first = 'dat_', second = 'dat_'] = elements
    const task = await api.client.createTask({ module: 'reader', inputs: { files: fromData(list.id) } })
    await expectInUse(first, task)
    await expectInUse(list.id, task)
    await api.client.cancelTask(task.id)
    expect((await remove(first)).status).toBe(204)
    expect((await api.client.data(list.id)).items).toEqual([{ data: second }])
    expect((await remove(list.id)).status).toBe(204)
  })
})

describe('a list', () => {
  test('goes with its elements, but for one that a task reads by itself', async () => {
    const { list, elements } = await listOfPages(10)
    const [kept = 'dat_', ...others] = elements
    const keys = (await api.deps.store.data.many(others)).map((element) => element.object ?? '')
    const task = await reading(kept)
    expect((await remove(list.id)).status).toBe(204)
    expect(await api.deps.store.data.many([list.id, ...others])).toEqual([])
    for (const key of keys) expect(await api.deps.objects.head(key)).toBeNull()
    expect(await status(kept)).toBe('available')
    await api.client.cancelTask(task.id)
    expect((await remove(kept)).status).toBe(204)
  })
})

describe('a task that is submitted while the item is being deleted', () => {
  test('waits, and is admitted when it goes back because of it', async () => {
    const { id } = await value()
    breakingOffAt = 'delete.marked'
    await remove(id).catch(() => null)
    breakingOffAt = null
    const task = await reading(id)
    expect(task).toMatchObject({ status: 'blocked', waitingFor: [id] })
    await tick()
    expect(await status(id)).toBe('deleting')
    await tickLater()
    expect(await stored(id)).toMatchObject({ status: 'available', settle: null, before: null })
    await succeed(task)
  })

  test('and after it was asked about is skipped when it is gone', async () => {
    const { id } = await file()
    let late: Promise<Task> | undefined
    afterQuestion = async () => {
      late = reading(id)
      expect(await late).toMatchObject({ status: 'blocked', waitingFor: [id] })
    }
    expect((await remove(id)).status).toBe(204)
    const task = await late
    expect(await api.client.task(task?.id ?? 'tsk_')).toMatchObject({
      status: 'skipped',
      error: { code: 'upstream_failed', detail: { cause: id } },
    })
  })

  test('is not overlooked by an answer from before the item had gone back', async () => {
    const { id } = await value()
    let late: Task | undefined
    afterQuestion = async () => {
      const be = (status: 'available' | 'deleting') =>
        api.deps.store.data.change(id, (item) => ({ ...item, status }))
      await be('available')
      late = await reading(id)
      await be('deleting')
    }
    expect(await refusalOf(await remove(id))).toEqual({ status: 409, code: 'data_in_use' })
    expect(await status(id)).toBe('available')
    if (late) await succeed(late)
  })

  test('is either skipped, or keeps the item', async () => {
    for (let round = 0; round < 15; round += 1) {
      const { id } = await value()
      const [submitted, removed] = await Promise.all([
        api.post('/api/tasks', { module: 'reader', inputs: { text: { data: id } } }),
        remove(id),
      ])
      if (removed.status === 409) {
        expect(submitted.status).toBe(201)
        expect(await status(id)).toBe('available')
        await succeed((await submitted.json()).task)
      } else {
        expect(removed.status).toBe(204)
        expect(await status(id)).toBe('gone')
        if (submitted.status === 201)
          expect((await api.client.task((await submitted.json()).task.id)).status).toBe('skipped')
        else expect(submitted.status).toBe(422)
      }
    }
    expect(await agent.claim([reader])).toBeNull()
  })
})

describe('a deletion that broke off', () => {
  test.each(['delete.marked', 'delete.committed', 'delete.object-removed'] as const)(
    'at %s is finished by the tick, or by the next who tries',
    async (point) => {
      const [left, again] = [await file(), await file()]
      const keys = (await api.deps.store.data.many([left.id, again.id])).map((item) => item.object ?? '')
      breakingOffAt = point
      for (const { id } of [left, again]) await remove(id).catch(() => null)
      breakingOffAt = null
      expect(await status(left.id)).toBe(point === 'delete.marked' ? 'deleting' : 'removing')
      expect((await remove(again.id)).status).toBe(204)
      await tickLater()
      expect(await status(left.id)).toBe('gone')
      for (const key of keys) expect(await api.deps.objects.head(key)).toBeNull()
    },
  )
})
