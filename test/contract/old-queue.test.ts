import { type Db, MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { availableModule, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'

const echo = availableModule({ name: 'echo', inputs: [], outputs: [] })
let api: TestApi
let agent: ScriptedAgent
let mongo: MongoClient
let db: Db
beforeAll(async () => {
  api = await openApi()
  agent = await scriptedAgent(api)
  await agent.has([echo])
  mongo = new MongoClient(api.env.MONGODB_URL ?? '')
  db = mongo.db()
})
afterAll(async () => {
  await mongo.close()
  await api.close()
})

test('a start of this version puts what waited in the queue of an older one into its own', async () => {
  const first = await api.client.createTask({ module: 'echo' })
  const later = await api.client.createTask({ module: 'echo', notBefore: '2100-01-01T00:00:00Z' })
  await db.collection('tasks').updateMany({}, { $unset: { entry: '' } })
  await db.collection('queue').insertOne({ module: 'echo', state: 'open', rank: '2' })
  expect(await agent.claim([echo])).toBeNull()
  await api.deps.store.ensureIndexes()
  expect(await db.listCollections({ name: 'queue' }).toArray()).toEqual([])
  expect((await api.deps.store.tasks.get(later.id))?.entry).toMatchObject({
    state: 'parked',
    until: new Date('2100-01-01'),
  })
  expect(await agent.claim([echo])).toMatchObject({ run: `${first.id}.1` })
})
