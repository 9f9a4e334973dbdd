import { type DataId, fromData, fromOutput, type Task } from '@millrace/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { bytesOf } from '../support/upload-by-hand.ts'

const reader = availableModule({
  name: 'reader',
  inputs: [
    { key: 'text', type: 'text', required: false },
    { key: 'files', type: 'file', multiple: true, required: false },
  ],
  outputs: [
    { key: 'said', type: 'text', required: false },
    { key: 'pages', type: 'file', multiple: true, required: false },
  ],
})
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi()
  agent = await scriptedAgent(api)
  await agent.has([reader])
})
afterAll(() => api.close())

const value = () => api.client.createValue({ label: 'v', value: 'a text' })
const reading = (id: DataId) => api.client.createTask({ module: 'reader', inputs: { text: fromData(id) } })
const edit = (id: string, changes: object) =>
  api.request(`/api/data/${id}`, { method: 'PATCH', body: JSON.stringify(changes) })
const claim = async (task: Task) => expect((await agent.claim([reader]))?.run).toBe(`${task.id}.1`)

describe('PATCH', () => {
  test('changes label, tags and expiry, and nothing that is not named', async () => {
    const { id } = await value()
    const expiresAt = '2030-01-01T00:00:00.000Z'
    expect(await api.client.updateData(id, { label: 'new', expiresAt })).toMatchObject({
      label: 'new',
      tags: [],
      value: 'a text',
      expiresAt,
    })
    expect(await api.client.updateData(id, { tags: ['a'] })).toMatchObject({ label: 'new', expiresAt })
    expect(await api.client.updateData(id, { expiresAt: null })).toMatchObject({
      label: 'new',
      tags: ['a'],
      expiresAt: null,
    })
  })

  test('of nothing changes nothing', async () => {
    const item = await value()
    expect(await (await edit(item.id, {})).json()).toEqual({ data: item })
  })

  test('of anything else is 422, of an unknown item 404', async () => {
    const { id } = await value()
    const body = { status: 'available', tags: ['ok'], expiresAt: 'soon' }
    expect(await refusalOf(await edit(id, body))).toEqual({
      status: 422,
      code: 'invalid_request',
      paths: ['/expiresAt', '/status'],
    })
    expect((await edit('dat_01ARZ3NDEKTSV4RRFFQ69G5FAV', {})).status).toBe(404)
  })

  test('of an item that is being deleted is a conflict', async () => {
    const { id } = await value()
    for (const state of ['deleting', 'removing'] as const) {
      await api.deps.store.data.change(id, (item) => ({ ...item, status: state }))
      for (const changes of [{}, { label: 'x' }])
        expect(await refusalOf(await edit(id, changes))).toEqual({ status: 409, code: 'conflict' })
    }
  })
})

describe('lineage', () => {
  test('shows the task that produced the item, what that task read, and who read the item', async () => {
    const source = await value()
    const first = await reading(source.id)
    await claim(first)
    await agent.finish(`${first.id}.1`, { outcome: 'succeeded', result: { said: { value: 'said' } } })
    const said = first.outputs.said?.data ?? 'dat_'
    const second = await reading(said)
    const third = await api.client.createTask({
      module: 'reader',
      inputs: { text: fromOutput(first.id, 'said') },
    })
    const middle = await api.client.lineage(said)
    expect(middle).toMatchObject({
      data: { id: said, value: 'said' },
      producedBy: { id: first.id },
      inputs: [{ id: source.id }],
      usedBy: [{ id: third.id }, { id: second.id }],
    })
    expect(middle.producedBy).not.toHaveProperty('result')
    expect(await api.client.lineage(source.id)).toMatchObject({
      producedBy: null,
      inputs: [],
      usedBy: [{ id: first.id }],
    })
    for (const task of [second, third]) await api.client.cancelTask(task.id)
    await api.client.deleteData(source.id)
    expect(await api.client.lineage(said)).toMatchObject({ producedBy: { id: first.id }, inputs: [] })
  })

  test('of an element shows who read its list', async () => {
    const task = await api.client.createTask({ module: 'reader' })
    await claim(task)
    const page = await agent.upload(`${task.id}.1`, 'pages', '0.txt', 'text/plain', bytesOf('page'))
    await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: { pages: { files: [page] } } })
    const list = await api.client.data(task.outputs.pages?.data ?? 'dat_')
    const user = await api.client.createTask({ module: 'reader', inputs: { files: fromData(list.id) } })
    expect(await api.client.lineage(list.items?.[0]?.data ?? 'dat_')).toMatchObject({
      producedBy: { id: task.id },
      usedBy: [{ id: user.id }],
    })
    await api.client.cancelTask(user.id)
  })

  test('of an unknown item is 404', async () => {
    expect((await api.request('/api/data/dat_01ARZ3NDEKTSV4RRFFQ69G5FAV/lineage')).status).toBe(404)
  })
})
