import { fromData } from '@millrace/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'

let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi()
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterAll(() => api.close())

describe('a task', () => {
  test('goes from submit to result, with its outputs pending first and available then', async () => {
    const task = await api.client.createTask({ module: 'echo', inputs: { text: 'hello' } })
    expect(task).toMatchObject({ status: 'queued', attempt: 1, currentRun: `${task.id}.1`, result: null })
    const said = task.outputs.said?.data
    if (!said) throw new Error('no output')
    expect(await api.client.data(said)).toMatchObject({
      status: 'pending',
      producer: { taskId: task.id, output: 'said' },
    })

    const grant = await agent.claim([echo])
    expect(grant).toMatchObject({
      run: task.currentRun,
      inputs: { text: { value: 'hello' } },
      timeoutSeconds: 300,
    })
    expect(await api.client.task(task.id)).toMatchObject({
      status: 'running',
      agentId: agent.agentId,
      version: '1.0.0',
    })
    expect(await api.client.run(`${task.id}.1`)).toMatchObject({ status: 'running', agentId: agent.agentId })

    const waiting = api.client.task(task.id, 30)
    const copy = await agent.upload(
      `${task.id}.1`,
      'copy',
      'copy.txt',
      'text/plain',
      new TextEncoder().encode('hello'),
    )
    const report = {
      outcome: 'succeeded' as const,
      result: { said: { value: 'hello' }, copy: { file: copy } },
      exitCode: 0,
    }
    expect(await agent.finish(`${task.id}.1`, report)).toEqual({ applied: true })
    expect(await agent.finish(`${task.id}.1`, report)).toEqual({ applied: true })

    const done = await waiting
    expect(done).toMatchObject({
      status: 'succeeded',
      result: { said: 'hello', copy: { data: task.outputs.copy?.data } },
      error: null,
    })
    expect(done.history.map((entry) => entry.status)).toEqual(['blocked', 'queued', 'running', 'succeeded'])
    expect(await api.client.data(said)).toMatchObject({ status: 'available', value: 'hello', isFile: false })
    const copied = task.outputs.copy?.data
    if (!copied) throw new Error('no output')
    expect(new TextDecoder().decode(await api.client.download(copied))).toBe('hello')
    expect(await api.client.run(`${task.id}.1`)).toMatchObject({
      status: 'succeeded',
      exitCode: 0,
      willRetry: false,
    })
    expect((await api.deps.store.slots.get('global'))?.holders).toEqual([])
    expect((await api.deps.store.tasks.get(task.id))?.entry).toBeNull()
  })

  test('waits for an upload, and starts when it is complete', async () => {
    const bytes = new TextEncoder().encode('a file')
    const created = await (
      await api.post('/api/data', {
        label: 'late',
        file: { name: 'a.txt', size: bytes.length, contentType: 'text/plain' },
      })
    ).json()
    const task = await api.client.createTask({ module: 'echo', inputs: { file: fromData(created.data.id) } })
    expect(task).toMatchObject({ status: 'blocked', waitingFor: [created.data.id] })
    expect(await agent.claim([echo])).toBeNull()
    expect(
      (await fetch(created.upload.url, { method: 'PUT', headers: created.upload.headers, body: bytes }))
        .status,
    ).toBe(200)
    expect((await api.post(`/api/data/${created.data.id}/complete`, {})).status).toBe(200)
    const grant = await agent.claim([echo])
    expect(grant).toMatchObject({
      run: `${task.id}.1`,
      inputs: { file: { file: { size: 6, name: 'a.txt' } } },
    })
    await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: { said: { value: '' } } })
    expect(await api.client.task(task.id)).toMatchObject({ status: 'succeeded', result: { said: '' } })
    const copy = task.outputs.copy?.data
    if (!copy) throw new Error('no output')
    expect(await api.client.data(copy)).toMatchObject({ status: 'failed', error: { code: 'not_produced' } })
  })
})
