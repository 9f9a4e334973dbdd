import { fromData } from '@millrace/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { echo, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { announce, bytesOf, put } from '../support/upload-by-hand.ts'

const MiB = 1024 * 1024
const clock = shiftedClock()
let api: TestApi
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
  await (await scriptedAgent(api)).has([echo])
})
afterAll(() => api.close())

const tick = () => api.request('/api/tick', { method: 'POST' })
const hours = (count: number) => clock.forward(count * 3600)

test('an item goes at the time that was set for it, but not while a task needs it', async () => {
  const expiresAt = new Date(clock.now().getTime() + 3600 * 1000).toISOString()
  const make = async () => {
    const body = { label: 'for an hour', value: 'x', expiresAt }
    return (await (await api.post('/api/data', body)).json()).data
  }
  const [idle, needed] = [await make(), await make()]
  const task = await api.client.createTask({ module: 'echo', inputs: { text: fromData(needed.id) } })
  hours(0.9)
  await tick()
  expect((await api.client.data(idle.id)).status).toBe('available')
  hours(0.2)
  await tick()
  await expect(api.client.data(idle.id)).rejects.toMatchObject({ code: 'not_found' })
  expect((await api.client.data(needed.id)).status).toBe('available')
  await api.request(`/api/tasks/${task.id}/cancel`, { method: 'POST' })
  hours(0.1)
  await tick()
  await expect(api.client.data(needed.id)).rejects.toMatchObject({ code: 'not_found' })
})

test('an upload that is not completed within a day expires, with everything that arrived', async () => {
  const { data, upload } = await announce(api, {})
  expect(await put(upload, bytesOf('hello'))).toBe(200)
  const task = await api.client.createTask({ module: 'echo', inputs: { file: fromData(data.id) } })
  const large = { label: 'large', file: { name: 'large', size: 101 * MiB } }
  const inParts = (await (await api.post('/api/data', large)).json()).data
  const asked = await api.post(`/api/data/${inParts.id}/parts`, { parts: [{ partNumber: 7 }] })
  const [part] = (await asked.json()).parts
  const sent = await fetch(part.url, { method: 'PUT', body: new Uint8Array(5 * MiB) })
  expect(sent.status).toBe(200)

  await tick()
  expect((await api.client.data(data.id)).status).toBe('uploading')
  hours(23)
  await tick()
  expect((await api.client.data(data.id)).status).toBe('uploading')
  hours(1)
  await tick()
  for (const id of [data.id, inParts.id])
    expect(await api.client.data(id)).toMatchObject({ status: 'expired', error: { code: 'upload_expired' } })
  expect((await api.client.task(task.id)).status).toBe('skipped')
  expect(await api.deps.objects.head(`incoming/${data.id}/1`)).toBeNull()
  const { multipart } = (await api.deps.store.data.get(inParts.id)) ?? {}
  expect(multipart?.uploadId).toBeTruthy()
  expect(
    await api.deps.objects.multipart.list(`incoming/${inParts.id}/1`, multipart?.uploadId ?? ''),
  ).toBeNull()
  const late = await api.request(`/api/data/${data.id}/complete`, { method: 'POST' })
  expect(await refusalOf(late)).toEqual({ status: 409, code: 'conflict' })
})
