import { RunPage } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { availableModule, echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'

const other = availableModule({ name: 'other' })
let api: TestApi
let agent: ScriptedAgent
beforeAll(async () => {
  api = await openApi()
  agent = await scriptedAgent(api)
  await agent.has([echo, other])
})
afterAll(() => api.close())

const page = async (query: string) => RunPage.parse(await (await api.request(`/api/runs?${query}`)).json())
const ids = async (query: string) => (await page(query)).items.map((run) => run.id)

describe('a run', () => {
  test('is queued as soon as its attempt waits, and complete at its end', async () => {
    const task = await api.client.createTask({ module: 'echo' })
    expect(await api.client.run(`${task.id}.1`)).toMatchObject({
      taskId: task.id,
      attempt: 1,
      status: 'queued',
      agentId: null,
      startedAt: null,
      durationSeconds: null,
      usage: null,
      log: null,
    })
    await agent.claim([echo])
    const usage = { peakRamBytes: 5, peakVramBytes: null, cpuSeconds: 0.5 }
    const log = { lines: 2, bytes: 30, truncated: false }
    const error = { code: 'crashed' as const, message: 'signal', retryable: false }
    await agent.finish(`${task.id}.1`, {
      outcome: 'failed',
      error,
      exitCode: null,
      signal: 'SIGSEGV',
      usage,
      log,
    })
    expect(await api.client.run(`${task.id}.1`)).toMatchObject({
      status: 'failed',
      agentId: agent.agentId,
      version: '1.0.0',
      digest: echo.digest,
      signal: 'SIGSEGV',
      exitCode: null,
      error,
      usage,
      log,
      willRetry: false,
      nextRunId: null,
      durationSeconds: expect.any(Number),
    })
  })

  test('of a module has a separate path', async () => {
    const answer = await api.post('/api/modules/other/run', { label: 'by path' })
    expect(answer.status).toBe(202)
    const { taskId, runId, status } = await answer.json()
    expect([runId, status]).toEqual([`${taskId}.1`, 'queued'])
    expect(await api.client.task(taskId)).toMatchObject({ module: 'other', label: 'by path' })
    await api.client.cancelTask(taskId)
    expect((await api.post('/api/modules/other/run', { module: 'echo' })).status).toBe(422)
  })
})

describe('a list of runs', () => {
  test('has the tenth attempt before the ninth, and pages through them', async () => {
    const task = await api.client.createTask({ module: 'echo' })
    for (let attempt = 1; attempt <= 11; attempt += 1) {
      await agent.claim([echo])
      await agent.finish(`${task.id}.${attempt}`, { outcome: 'handed_back' })
    }
    const wanted = Array.from({ length: 12 }, (_, at) => `${task.id}.${12 - at}`)
    expect(await ids(`task=${task.id}`)).toEqual(wanted)
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const got: Awaited<ReturnType<typeof page>> = await page(
        `task=${task.id}&limit=5${cursor && `&cursor=${cursor}`}`,
      )
      seen.push(...got.items.map((run) => run.id))
      cursor = got.nextCursor
    }
    expect(seen).toEqual(wanted)
    expect(await ids(`task=${task.id}&status=queued`)).toEqual([`${task.id}.12`])
    expect(await ids(`task=${task.id}&status=cancelled&limit=3`)).toEqual(wanted.slice(1, 4))
    await api.client.cancelTask(task.id)
  })

  test('filters by state, module, agent and time', async () => {
    const waiting = await api.client.createTask({ module: 'other' })
    const task = await api.client.createTask({ module: 'other', priority: 'high' })
    await agent.claim([other])
    const [run, queued] = [`${task.id}.1`, `${waiting.id}.1`]
    expect(await ids('module=other&status=running')).toEqual([run])
    expect(await ids('module=other&status=queued,running')).toEqual([run, queued])
    expect(await ids(`module=other&agent=${agent.agentId}`)).toContain(run)
    expect(await ids(`module=other&agent=agt_01ARZ3NDEKTSV4RRFFQ69G5FAV`)).toEqual([])
    const { startedAt } = await api.client.run(`${task.id}.1`)
    expect(await ids(`module=other&startedAfter=${startedAt}`)).toEqual([run])
    expect(await ids(`module=other&startedBefore=${startedAt}`)).toEqual([])
    await agent.finish(run, { outcome: 'succeeded', result: {} })
    expect(await ids('module=other&status=succeeded')).toEqual([run])
    await api.client.cancelTask(waiting.id)
  })
  test('is narrowed by every filter that is given, together and over pages', async () => {
    const second = await scriptedAgent(api)
    await second.has([echo, other])
    const done = []
    for (const [by, outcome] of [
      [agent, 'succeeded'],
      [second, 'failed'],
      [second, 'succeeded'],
      [agent, 'failed'],
      [second, 'failed'],
    ] as const) {
      const task = await api.client.createTask({ module: 'other', maxAttempts: 1 })
      await by.claim([other])
      await by.finish(`${task.id}.1`, { outcome, result: {} })
      done.push(await api.client.run(`${task.id}.1`))
    }
    const [first, b, , d, e] = done
    const times = `startedAfter=${b?.startedAt}&startedBefore=${e?.startedAt}`
    const after = `startedAfter=${first?.startedAt}`
    const of = `module=other&agent=${second.agentId}`
    expect(await ids(`${of}&status=failed&${after}`)).toEqual([e?.id, b?.id])
    expect(await ids(`${of}&status=failed&${times}`)).toEqual([b?.id])
    expect(await ids(`module=other&status=failed&${times}`)).toEqual([d?.id, b?.id])
    expect(await ids(`${of}&status=failed,succeeded&task=${b?.taskId}`)).toEqual([b?.id])
    expect(await ids(`module=echo&agent=${second.agentId}`)).toEqual([])
    expect(await ids(`${of}&status=lost&${times}`)).toEqual([])
    const pages: string[] = []
    for (let cursor = ''; ; ) {
      const { items, nextCursor } = await page(`${of}&status=failed,succeeded&${after}&limit=1${cursor}`)
      pages.push(...items.map((run) => run.id))
      if (nextCursor === null) break
      cursor = `&cursor=${nextCursor}`
    }
    expect(pages).toEqual([e?.id, done[2]?.id, b?.id])
  })

  test.each([
    ...['status=other', 'status=failed,other', 'agent=x', 'task=x', 'startedAfter=yesterday'],
    ...[
      'startedBefore=2026-13-01T00:00:00Z',
      'limit=0',
      'limit=NaN',
      'cursor=x',
      'module=%7B%22%24gt%22%3A1%7D',
    ],
  ])('refuses %s', async (query) => {
    expect((await api.request(`/api/runs?${query}`)).status).toBe(422)
  })
})
