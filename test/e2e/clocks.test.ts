import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentProcess, agentProcess } from '../support/agent-process.ts'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { servedApi } from '../support/served-api.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { until } from '../support/until.ts'

/** An agent's clock is forty days off: all times that it reports are the API's. */

const clock = shiftedClock()
const forty = 40 * 24 * 3600
let api: TestApi
let served: Awaited<ReturnType<typeof servedApi>>
let agent: AgentProcess
beforeAll(async () => {
  clock.forward(forty)
  api = await openApi((deps) => ({ ...deps, clock }))
  served = await servedApi(api)
  const { secret } = await api.client.createKey({ name: 'agent', scopes: ['agent'] })
  agent = await agentProcess(served.url, secret ?? '', ['misbehave'])
  agent.start()
  await agent.available(api.client)
})
afterAll(async () => {
  await agent?.close()
  served?.close()
  await api?.close()
})

test('times of a run and of its lines are right, and the offset is shown', async () => {
  const before = clock.now().getTime()
  const { id } = await api.client.createTask({ module: 'misbehave', inputs: { do: 'sleep', seconds: 2 } })
  await until('it has ended', 40, async () => (await api.client.task(id, 10)).finishedAt !== null)
  const run = await api.client.run(`${id}.1`)
  expect(run.durationSeconds).toBeGreaterThan(1.9)
  expect(run.durationSeconds).toBeLessThan(30)
  const log = await (await api.request(`/api/runs/${id}.1/logs?format=ndjson`)).text()
  const install = await (await api.request('/api/modules/misbehave/install-log?format=ndjson')).text()
  const lines = `${log}${install}`.trim().split('\n')
  for (const { at } of lines.map((line): { at: string } => JSON.parse(line)))
    expect(Math.abs(Date.parse(at) - before), at).toBeLessThan(600_000)
  const told = await until('the offset is shown', 40, async () => {
    const [one] = (await api.client.listAgents()).items
    return one?.clockOffsetSeconds
  })
  expect(told).toBeCloseTo(-forty, -1)
  expect(agent.program.lines.join('\n')).toMatch(/clock of this machine is \d+\.\d s behind the API's/)
})
