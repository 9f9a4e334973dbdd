import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ClaimAnswer, FinishAnswer, HeartbeatAnswer, InventoryAnswer, RegisterAnswer } from '@millrace/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'

/**
 * An agent and an API of different versions: recorded messages of the version before must be understood, and so must
 * those of a later version, which may say more than this one knows.
 */

const recorded = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'recorded', `${name}.json`), 'utf8'))
const agent = recorded('agent-0.1.0')
const answers = recorded('api-0.1.0')

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

/** The members below these have names that the caller chooses, so none may be invented. */
const byName = new Set(['manifest', 'result', 'runs', 'inputs', 'outputs'])

/** What a later version might say, in every object. */
function withMore(message: unknown): unknown {
  if (Array.isArray(message)) return message.map(withMore)
  if (typeof message !== 'object' || message === null) return message
  const entries = Object.entries(message).map(([key, value]) => [
    key,
    byName.has(key) ? value : withMore(value),
  ])
  return { ...Object.fromEntries(entries), saidByALaterVersion: { at: 1 } }
}

test.each([
  ['the version before', (message: unknown) => message],
  ['a later version', withMore],
])('an agent of %s registers, offers, claims, beats and finishes', async (_, spoken) => {
  const { secret: key } = await api.client.createKey({ name: 'skewed', scopes: ['agent'] })
  let sessionId: string | undefined
  const say = async (method: string, path: string, message: object) => {
    const body = JSON.stringify(spoken({ ...message, ...(sessionId ? { sessionId } : {}) }))
    const answer = await api.request(`/agent/v1/${path}`, { method, key, body })
    expect([path, answer.status, answer.ok ? '' : await answer.clone().text()]).toEqual([path, 200, ''])
    return answer.json()
  }
  const instanceId = `instance-${Math.random()}`
  sessionId = (await say('POST', 'register', { ...agent.register, instanceId })).sessionId
  await say('PUT', 'modules', agent.modules)
  expect(await say('POST', 'heartbeat', agent.heartbeat)).toMatchObject({ runs: {} })
  const task = await api.client.createTask({ module: 'echo', inputs: { text: 'hello' } })
  const { grant } = await say('POST', 'claim', { ...agent.claim, claimId: `claim-${task.id}` })
  expect(grant).toMatchObject({ run: `${task.id}.1`, inputs: { text: { value: 'hello' } } })
  expect(await say('POST', `runs/${grant.run}/finish`, agent.finish)).toEqual({ applied: true })
  expect(await api.client.task(task.id)).toMatchObject({ status: 'succeeded', result: { said: 'hello' } })
})

test.each([
  ['the version before', (message: unknown) => message],
  ['a later version', withMore],
])('what an API of %s answers is understood', (_, spoken) => {
  const read = { RegisterAnswer, InventoryAnswer, HeartbeatAnswer, ClaimAnswer, FinishAnswer }
  expect(read.RegisterAnswer.parse(spoken(answers.register))).toMatchObject({ heartbeatSeconds: 5 })
  expect(read.InventoryAnswer.safeParse(answers.modules).success).toBe(true)
  expect(read.HeartbeatAnswer.parse(spoken(answers.heartbeat))).toMatchObject({
    commands: [{ kind: 'scan', id: 'c1' }],
  })
  const unknown = { v: 1, kind: 'polish', id: 'c2' }
  const more = { ...answers.heartbeat, commands: [unknown, ...answers.heartbeat.commands] }
  expect(read.HeartbeatAnswer.parse(spoken(more)).commands.map(({ kind }) => kind)).toEqual(['scan'])
  expect(read.ClaimAnswer.parse(spoken(answers.claim)).grant?.run).toBe('tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV.1')
  expect(read.FinishAnswer.parse(spoken(answers.finish))).toEqual({ applied: true })
})
