import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentProcess, agentProcess } from '../support/agent-process.ts'
import { type Installation, installation } from '../support/installation.ts'
import { until } from '../support/until.ts'

let here: Installation
let far: AgentProcess
beforeAll(async () => {
  here = await installation([])
  const { secret } = await here.client.createKey({
    name: 'a guest machine',
    scopes: ['agent'],
    modules: ['text-*'],
    trusted: false,
  })
  far = await agentProcess(here.api.url, secret ?? '', ['text-stats', 'misbehave'], { MAX_RUNS: '1' })
  far.start()
})
afterAll(async () => {
  await far?.close()
  await here?.close()
})

const warnings = () => far.program.lines.filter((line) => line.includes('this module gets no tasks'))

test('an agent whose key is not trusted says once what it gets no tasks of, and works once that is approved', async () => {
  const waiting = await until('it awaits approval', 120, async () => {
    const { awaitingApproval, agents } = await here.client.module('text-stats')
    return agents[0]?.healthCheck?.passed && awaitingApproval[0]
  })
  await until('the agent says so', 10, () => warnings().length >= 2)
  const answer = await fetch(`${here.api.url}/api/modules/text-stats/approve`, {
    method: 'POST',
    headers: { authorization: 'Bearer an-admin-key-for-tests', 'content-type': 'application/json' },
    body: JSON.stringify({ version: waiting.version, digest: waiting.digest }),
  })
  expect(answer.status).toBe(200)
  const task = await here.client.createTask({ module: 'text-stats', inputs: { text: 'now or never' } })
  const ended = await until('the task has ended', 60, async () => {
    const found = await here.client.task(task.id, 5)
    return found.finishedAt !== null && found
  })
  expect(ended.status).toBe('succeeded')
  expect(warnings().filter((line) => line.includes('Awaits approval'))).toHaveLength(1)
  expect(warnings().filter((line) => line.includes('may serve text-* and not misbehave'))).toHaveLength(1)
  await expect(here.client.module('misbehave')).rejects.toThrow()
})
