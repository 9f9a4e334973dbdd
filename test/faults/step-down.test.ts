import type { Task } from '@millrace/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ownDatabase } from '../support/api-in-process.ts'
import { type Installation, installation } from '../support/installation.ts'
import { expectQuiet } from '../support/quiet.ts'
import { type ReplicaSet, startReplicaSet } from '../support/replica-set.ts'
import { until } from '../support/until.ts'

let set: ReplicaSet
let here: Installation
beforeAll(async () => {
  set = await startReplicaSet()
  here = await installation(['text-stats'], { servers: { MONGODB_URL: ownDatabase(set.url) } })
  await here.agent.available(here.client)
})
afterAll(async () => {
  await here?.close()
  await set?.close()
})

test('the primary steps down five times under load: each accepted task ends exactly once', async () => {
  const created: Task['id'][] = []
  let isLoaded = true
  const load = Array.from({ length: 4 }, async () => {
    while (isLoaded) {
      const inputs = { text: 'one two' }
      created.push((await here.client.createTask({ module: 'text-stats', inputs }, crypto.randomUUID())).id)
    }
  })
  const primaries = new Set<string>()
  for (let round = 0; round < 5; round += 1) {
    const before = created.length
    await until('some were created', 60, () => created.length >= before + 10)
    await set.stepDown()
    primaries.add(await set.primary())
  }
  isLoaded = false
  await Promise.all(load)
  expect(primaries.size).toBeGreaterThan(1)
  expect(new Set(created).size).toBe(created.length)
  for (const id of created) {
    const task = await until(`task ${id} has ended`, 120, async () => {
      const now = await here.client.task(id, 5)
      return now.finishedAt !== null && now
    })
    expect(task).toMatchObject({ status: 'succeeded', result: { words: 2 } })
    const ends = task.history.filter(({ status }) => status === 'succeeded' || status === 'failed')
    expect(ends).toHaveLength(1)
  }
  await expectQuiet(here.store, created)
})
