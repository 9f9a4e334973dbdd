import { tick } from '@millrace/api'
import type { LogLine } from '@millrace/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { bytesOf } from '../support/upload-by-hand.ts'

let api: TestApi
let agent: ScriptedAgent
let task: Awaited<ReturnType<TestApi['client']['createTask']>>
beforeAll(async () => {
  api = await openApi()
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
beforeEach(async () => {
  task = await api.client.createTask({ module: 'echo' })
  await agent.claim([echo])
})
afterAll(() => api.close())

const at = '2026-11-21T00:00:00.000Z'
const lines: LogLine[] = Array.from({ length: 20 }, (_, index) => ({
  n: index + 1,
  at,
  stream: index % 4 === 3 ? 'stderr' : 'stdout',
  line: index === 0 ? 'ünï \u001b[31m"red"\u001b[0m \\' : `line ${index + 1}`,
}))
const publish = (some: LogLine[], more: object = {}) =>
  agent.call(`runs/${task.id}.1/logs`, { sessionId: agent.sessionId, lines: some, ...more })
const numbers = async (query: Record<string, string | number> = {}) =>
  (await api.client.runLog(`${task.id}.1`, query)).map((line) => line.n)

async function archive(text: string): Promise<void> {
  const file = await agent.upload(`${task.id}.1`, '$log', 'log.ndjson', 'application/x-ndjson', bytesOf(text))
  const log = { lines: 20, bytes: file.size, truncated: false, size: file.size }
  await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: {}, log })
}

describe('the log of a run', () => {
  test('is the same from the stream while it runs and from the archive when it is over', async () => {
    expect(await numbers()).toEqual([])
    // Batches may come twice.
    for (const [from, to] of [
      [0, 8],
      [4, 12],
      [12, 20],
    ])
      expect((await publish(lines.slice(from, to))).status).toBe(204)
    const answer = await api.request(`/api/runs/${task.id}.1/logs`)
    expect(answer.headers.get('content-type')).toMatch(/^application\/x-ndjson/)
    expect(await api.client.runLog(`${task.id}.1`)).toEqual(lines)
    await archive(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    expect((await api.deps.store.runs.get(`${task.id}.1`))?.archive).toBe('done')
    expect(await api.client.runLog(`${task.id}.1`)).toEqual(lines)
  })

  test('can be asked for by its end, its stream, and from a line on', async () => {
    await publish(lines)
    expect(await numbers({ tail: 3 })).toEqual([18, 19, 20])
    expect(await numbers({ tail: 3, limit: 2 })).toEqual([19, 20])
    expect(await numbers({ limit: 2 })).toEqual([1, 2])
    expect(await numbers({ since: 17 })).toEqual([18, 19, 20])
    expect(await numbers({ since: 5, limit: 2 })).toEqual([6, 7])
    expect(await numbers({ stream: 'stderr' })).toEqual([4, 8, 12, 16, 20])
    expect(await numbers({ stream: 'stderr', tail: 2, since: 4 })).toEqual([16, 20])
    expect(await numbers({ stream: 'agent' })).toEqual([])
    for (const query of ['tail=0', 'stream=other', 'since=-1', 'limit=x'])
      expect((await api.request(`/api/runs/${task.id}.1/logs?${query}`)).status).toBe(422)
    await archive('')
  })

  test('is archived in the order of its lines, also when they came in another', async () => {
    await publish(lines.slice(5, 10))
    await publish(lines.slice(0, 5))
    const log = { lines: 10, bytes: 100, truncated: false }
    await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: { said: { value: 'a' } }, log })
    await tick(api.deps)
    expect((await api.deps.store.runs.get(`${task.id}.1`))?.archive).toBe('done')
    expect(await numbers()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  test('takes as many lines as come, and no line that NATS would not', async () => {
    const long = lines.slice(0, 10).map((line) => ({ ...line, line: 'x'.repeat(64 * 1024) }))
    expect((await publish(long)).status).toBe(204)
    expect(await numbers()).toEqual(long.map(({ n }) => n))
    const longer = long.slice(0, 1).map((line) => ({ ...line, line: 'x'.repeat(600 * 1024) }))
    expect((await publish(longer)).status).toBe(413)
    await archive('')
  })

  test('does without a line that its archive holds damaged', async () => {
    await archive(`${JSON.stringify(lines[0])}\n{"n":2,"at\nnonsense\n${JSON.stringify(lines[2])}\n`)
    expect(await numbers()).toEqual([1, 3])
  })

  test('can be followed: present lines, new ones, progress, and the end', async () => {
    await publish(lines.slice(0, 2))
    const seen: unknown[] = []
    for await (const event of api.client.follow(`${task.id}.1`)) {
      seen.push('line' in event ? event.line.n : event.progress)
      if (seen.length === 2) await publish(lines.slice(2, 3), { progress: { percent: 50 } })
      if (seen.length === 4)
        await archive(
          lines
            .slice(0, 3)
            .map((line) => `${JSON.stringify(line)}\n`)
            .join(''),
        )
    }
    expect(seen).toEqual([1, 2, 3, { percent: 50 }])
    const after: number[] = []
    for await (const event of api.client.follow(`${task.id}.1`)) if ('line' in event) after.push(event.line.n)
    expect(after).toEqual([1, 2, 3])
  })
})
