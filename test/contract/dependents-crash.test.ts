import { type ApiPorts, tick } from '@millrace/api'
import { fromOutput } from '@millrace/client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { echo, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'

let api: TestApi
let agent: ScriptedAgent
const clock = shiftedClock()
/** What happens between the look of an admission and its write; the process dies after that write. */
let meanwhile: (() => Promise<unknown>) | null = null
let dies = false

beforeEach(async () => {
  api = await openApi((deps) => ({
    ...deps,
    clock,
    store: { ...deps.store, data: { ...deps.store.data, followUp: slowly(deps.store.data.followUp) } },
    failpoint(point) {
      if (!dies || point !== 'admit.waiting') return
      dies = false
      throw new Error('the process dies')
    },
  }))
  agent = await scriptedAgent(api)
  await agent.has([echo])
})
afterEach(() => api.close())

type Items = ApiPorts['store']['data']['followUp']
const slowly = (data: Items): Items => ({
  ...data,
  async insertMissing(docs) {
    await data.insertMissing(docs)
    const act = meanwhile
    meanwhile = null
    if (!act) return
    await act()
    dies = true
  },
})

test('a task is admitted though what it needs ended in the moment before its process died', async () => {
  const first = await api.client.createTask({ module: 'echo' })
  const run = (await agent.claim([echo]))?.run ?? ''
  clock.forward(4)
  await tick(api.deps) // whatever the first submit left
  meanwhile = () => agent.finish(run, { outcome: 'succeeded', result: { said: { value: 'said' } } })
  await expect(
    api.client.createTask({ module: 'echo', inputs: { text: fromOutput(first.id, 'said') } }),
  ).rejects.toMatchObject({ status: 500 })
  clock.forward(4)
  await tick(api.deps)
  const [second] = (await api.client.listTasks({})).items
  expect(second).toMatchObject({ status: 'queued', waitingFor: [] })
  expect(second?.id).not.toBe(first.id)
})
