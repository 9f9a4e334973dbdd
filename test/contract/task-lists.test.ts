import { TaskPage } from '@millrace/shared'
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

const page = async (query: string) => TaskPage.parse(await (await api.request(`/api/tasks?${query}`)).json())
const ids = async (query: string) => (await page(query)).items.map((task) => task.id)
const create = (more: object = {}) => api.client.createTask({ module: 'echo', ...more })

describe('a list of tasks', () => {
  test('filters by states, by the words for groups of states, and by several at once', async () => {
    const tags = ['states']
    const queued = await create({ tags })
    const blocked = await create({ tags, after: [queued.id] })
    const running = await create({ tags, priority: 'high' })
    await agent.claim([echo])
    const done = await create({ tags, priority: 'high' })
    await agent.claim([echo])
    await agent.finish(`${done.id}.1`, { outcome: 'succeeded', result: {} })
    const cancelled = await create({ tags })
    await api.client.cancelTask(cancelled.id)
    const expected: [string, string[]][] = [
      ['queued', [queued.id]],
      ['blocked', [blocked.id]],
      ['running', [running.id]],
      ['succeeded', [done.id]],
      ['planned', [blocked.id, queued.id]],
      ['active', [running.id]],
      ['completed', [cancelled.id, done.id]],
      ['active,cancelled', [cancelled.id, running.id]],
      ['planned,queued', [blocked.id, queued.id]],
      ['failed,skipped', []],
    ]
    for (const [status, wanted] of expected)
      expect(await ids(`tag=states&status=${status}`), status).toEqual(wanted)
  })

  test('filters by module, by the beginning of the label and by time', async () => {
    const tags = ['filters']
    const [a, b] = [
      await create({ tags, label: 'a.b' }),
      await create({ tags, label: 'axb', module: 'other' }),
    ]
    expect(await ids('tag=filters&module=other')).toEqual([b.id])
    expect(await ids('tag=filters&label=a.')).toEqual([a.id])
    expect(await ids('tag=filters&label=a')).toEqual([b.id, a.id])
    expect(await ids(`tag=filters&createdAfter=${a.createdAt}`)).toEqual([b.id, a.id])
    expect(await ids(`tag=filters&createdBefore=${a.createdAt}`)).toEqual([])
  })

  test('pages newest first, without repeating or missing a task while others are added', async () => {
    const made: string[] = []
    for (let at = 0; at < 9; at += 1) made.push((await create({ tags: ['paged'] })).id)
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const got: Awaited<ReturnType<typeof page>> = await page(
        `tag=paged&limit=4${cursor && `&cursor=${cursor}`}`,
      )
      seen.push(...got.items.map((task) => task.id))
      cursor = got.nextCursor
      await create({ tags: ['paged'] })
    }
    expect(seen).toEqual(made.toReversed())
  })

  test('leaves out results and inline values above 4 KiB', async () => {
    const text = 'x'.repeat(5000)
    const task = await create({ tags: ['long'], priority: 'high', inputs: { text, count: 2 } })
    await agent.claim([echo])
    await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: { said: { value: 'short' } } })
    const raw = await (await api.request('/api/tasks?tag=long')).json()
    expect(raw.items[0]).not.toHaveProperty('result')
    expect(raw.items[0].inputs).toEqual({ text: { value: null, truncated: true }, count: { value: 2 } })
    expect(await api.client.task(task.id)).toMatchObject({
      inputs: { text: { value: text } },
      result: { said: 'short' },
    })
  })
})

describe('the summary', () => {
  test('counts tasks by state and module, data and agents', async () => {
    const fresh = await openApi()
    const worker = await scriptedAgent(fresh)
    await worker.has([echo])
    await fresh.client.createValue({ label: 'v', value: 'abc' })
    const first = await fresh.client.createTask({ module: 'echo' })
    await fresh.client.createTask({ module: 'echo', after: [first.id] })
    const cancelled = await fresh.client.createTask({ module: 'echo' })
    await fresh.client.cancelTask(cancelled.id)
    await worker.claim([echo])
    expect(await fresh.client.summary()).toMatchObject({
      tasks: {
        planned: 1,
        active: 1,
        completed: 1,
        byStatus: { blocked: 1, running: 1, cancelled: 1, failed: 0 },
      },
      perModule: { echo: { planned: 1, active: 1, completed: 1 } },
      agents: { total: 1, online: 1 },
      data: { count: 7, bytes: 5 },
    })
    const age = Date.now() - Date.parse((await fresh.client.summary()).asOf)
    expect(age).toBeLessThan(5_000)
    await fresh.close()
  })
})
