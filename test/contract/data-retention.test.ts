import { type DataId, fromData } from '@millrace/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { announce, bytesOf } from '../support/upload-by-hand.ts'

const clock = shiftedClock()
const maker = availableModule({
  name: 'maker',
  inputs: [{ key: 'texts', type: 'text', multiple: true, required: false }],
  outputs: [
    { key: 'said', type: 'text', required: false },
    { key: 'pages', type: 'file', multiple: true, required: false },
  ],
})
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
})
beforeEach(async () => {
  agent = await scriptedAgent(api)
  await agent.has([maker])
  await keep({ uploads: null, outputs: null })
})
afterAll(() => api.close())

const keep = (retentionDays: { uploads?: number | null; outputs?: number | null }) =>
  api.client.changeSettings({ retentionDays })
const tick = () => api.request('/api/tick', { method: 'POST' })
async function daysLater(days: number) {
  clock.forward(days * 24 * 3600)
  await tick()
}
const value = (more: object = {}) => api.client.createValue({ label: 'v', value: 'a text', ...more })
const file = () => api.client.upload({ name: 'a.txt', contentType: 'text/plain', bytes: bytesOf('hello') })
const there = async (ids: readonly DataId[]) => {
  const found = new Set((await api.deps.store.data.many(ids)).map((item) => item._id))
  return ids.map((id) => found.has(id))
}
/** A task that says something and writes two files; returns its outputs, the list's elements last. */
async function produce(): Promise<DataId[]> {
  const task = await api.client.createTask({ module: 'maker' })
  const run = `${task.id}.1`
  expect((await agent.claim([maker]))?.run).toBe(run)
  const files = await Promise.all(
    [0, 1].map((n) => agent.upload(run, 'pages', `${n}.txt`, 'text/plain', bytesOf(`page ${n}`), n)),
  )
  await agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'x' }, pages: { files } } })
  const [said, pages] = [task.outputs.said?.data ?? 'dat_', task.outputs.pages?.data ?? 'dat_']
  const { items = [] } = await api.client.data(pages)
  expect(items).toHaveLength(2)
  return [said, pages, ...items.map((element) => element.data)]
}

describe('an item that did not change for the retention time', () => {
  test('is kept forever by default', async () => {
    const ids = [(await value()).id, ...(await produce())]
    await daysLater(3000)
    expect(await there(ids)).toEqual(ids.map(() => true))
  })

  test('goes with its content: uploads and values by one number, outputs by another', async () => {
    const uploads = [(await value()).id, (await file()).id]
    const key = (await api.deps.store.data.get(uploads[1] ?? 'dat_'))?.object ?? ''
    const outputs = await produce()
    const keys = (await api.deps.store.data.many(outputs)).flatMap((item) => item.object ?? [])
    expect(keys).toHaveLength(2)
    await keep({ uploads: 10, outputs: 20 })
    await daysLater(9.9)
    expect(await there([...uploads, ...outputs])).not.toContain(false)
    await daysLater(0.2)
    expect(await there(uploads)).toEqual([false, false])
    expect(await api.deps.objects.head(key)).toBeNull()
    expect(await there(outputs)).not.toContain(false)
    await daysLater(10)
    expect(await there(outputs)).toEqual([false, false, false, false])
    for (const one of keys) expect(await api.deps.objects.head(one)).toBeNull()
  })

  test('counts from the last change, and not for an item with its own expiry time', async () => {
    const expiresAt = new Date(clock.now().getTime() + 30 * 24 * 3600 * 1000).toISOString()
    const own = await value({ expiresAt })
    const edited = await value()
    await keep({ uploads: 10 })
    clock.forward(6 * 24 * 3600)
    const edit = { method: 'PATCH', body: JSON.stringify({ label: 'still wanted' }) }
    expect((await api.request(`/api/data/${edited.id}`, edit)).status).toBe(200)
    await daysLater(6)
    expect(await there([own.id, edited.id])).toEqual([true, true])
    await daysLater(5)
    expect(await there([own.id, edited.id])).toEqual([true, false])
    await daysLater(14)
    expect(await there([own.id])).toEqual([false])
  })

  test('is asked about as a deletion is: what an unfinished task needs stays until it has ended', async () => {
    const needed = await value()
    const task = await api.client.createTask({ module: 'maker', inputs: { texts: [fromData(needed.id)] } })
    await keep({ uploads: 10 })
    await daysLater(11)
    expect(await api.client.data(needed.id)).toMatchObject({
      status: 'available',
      updatedAt: needed.updatedAt,
    })
    await api.client.cancelTask(task.id)
    await daysLater(0.1)
    expect(await there([needed.id])).toEqual([false])
  })

  test('never leaves behind what comes after items that have to stay', async () => {
    const needed = await Promise.all(Array.from({ length: 120 }, () => value()))
    const idle = await value()
    const inputs = { texts: needed.map((item) => fromData(item.id)) }
    const task = await api.client.createTask({ module: 'maker', inputs })
    await keep({ uploads: 10 })
    await daysLater(11)
    expect(await there([idle.id])).toEqual([true])
    await tick()
    expect(await there([idle.id])).toEqual([false])
    expect(await there(needed.map((item) => item.id))).not.toContain(false)
    await api.client.cancelTask(task.id)
    await daysLater(0.1)
    await tick()
    expect(await there(needed.map((item) => item.id))).not.toContain(true)
  })

  test('is looked at by one process of many, and by the next when that one dies', async () => {
    const items = await Promise.all(Array.from({ length: 5 }, () => value()))
    await keep({ uploads: 10 })
    clock.forward(11 * 24 * 3600)
    await Promise.all([tick(), tick(), tick()])
    expect(await there(items.map((item) => item.id))).not.toContain(true)
    const late = await value()
    const place = { after: null, beganAt: clock.now(), isBusy: true }
    clock.forward(11 * 24 * 3600)
    await api.deps.store.meta.change('sweep:retain-uploads', (doc) => ({
      ...doc,
      at: clock.now(),
      json: JSON.stringify(place),
    }))
    await tick()
    expect(await there([late.id])).toEqual([true])
    clock.forward(61)
    await tick()
    expect(await there([late.id])).toEqual([false])
  })
})

test('an item that was failed goes too; an upload that is not finished has its own day', async () => {
  const task = await api.client.createTask({ module: 'maker' })
  await api.client.cancelTask(task.id)
  const said = task.outputs.said?.data ?? 'dat_'
  const { data } = await announce(api, {})
  await keep({ uploads: 1, outputs: 1 })
  await daysLater(1.1)
  expect(await there([said])).toEqual([false])
  expect((await api.client.data(data.id)).status).toBe('expired')
})

test('days are whole and between 1 and 3650; null keeps items forever', async () => {
  for (const days of [0, 1.5, 3651, '1'])
    expect(
      await refusalOf(
        await api.request('/api/settings', {
          method: 'PATCH',
          body: JSON.stringify({ retentionDays: { uploads: days } }),
        }),
      ),
    ).toEqual({ status: 422, code: 'invalid_request', paths: ['/retentionDays/uploads'] })
  await keep({ uploads: 7 })
  await keep({ outputs: 3 })
  expect((await api.client.settings()).retentionDays).toMatchObject({ uploads: 7, outputs: 3 })
  await keep({ uploads: null })
  expect((await api.client.settings()).retentionDays).toEqual({
    ...{ runs: 30, logs: null, tasks: null },
    ...{ uploads: null, outputs: 3 },
  })
})
