import { serve } from '@hono/node-server'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { Hono } from 'hono'
import { MongoClient } from 'mongodb'
import { ulid } from 'ulid'

/** The minimum of a submit: the same inserts, the same update, the same publish, and nothing else. */
const { MONGODB_URL = '', NATS_URL = '', NATS_USER, NATS_PASSWORD } = process.env
const mongo = await new MongoClient(MONGODB_URL, {
  writeConcern: { w: 'majority', journal: true },
  retryWrites: false,
  ignoreUndefined: true,
}).connect()
const db = mongo.db('bare')
const [tasks, data, runs, queue] = ['tasks', 'data', 'runs', 'queue'].map((name) => db.collection<Doc>(name))
type Doc = { _id: string; rev: number; [key: string]: unknown }
for (const collection of [tasks, data, runs, queue])
  await collection?.createIndex({ _id: 1, rev: 1 }, { unique: true })
const nats = await connect({ servers: NATS_URL, user: NATS_USER, pass: NATS_PASSWORD })
const manager = await jetstreamManager(nats)
await manager.streams.add({
  name: 'BARE',
  subjects: ['bare.*'],
  retention: 'workqueue',
  discard: 'new',
  discard_new_per_subject: true,
  max_msgs_per_subject: 64,
} as Parameters<typeof manager.streams.add>[0])
const stream = jetstream(nats)

const app = new Hono()
app.post('/tasks', async (c) => {
  const body = await c.req.json()
  const [id, item] = [`tsk_${ulid()}`, `dat_${ulid()}`]
  const at = new Date()
  const task = { _id: id, rev: 1, ...body, status: 'blocked', output: item, settle: 'admit', createdAt: at }
  await tasks?.insertOne(task)
  await Promise.all([
    data?.insertMany([{ _id: item, rev: 1, status: 'pending', producer: id, createdAt: at }]),
    runs?.insertOne({ _id: `${id}.1`, rev: 1, task: id, status: 'queued', createdAt: at }),
    queue?.insertOne({
      _id: `${id}.1`,
      rev: 1,
      task: id,
      module: body.module,
      rank: `2.${at.getTime()}`,
      state: 'open',
    }),
  ])
  const published = stream.publish('bare.module', '{"v":1}').catch(() => undefined) // full is normal
  await tasks?.updateOne({ _id: id, rev: 1 }, { $set: { rev: 2, status: 'queued', settle: null } })
  await published
  return c.json({ task: { ...task, status: 'queued' } }, 201)
})
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  process.stdout.write(`http://127.0.0.1:${port}\n`)
})
process.once('SIGTERM', async () => {
  server.close()
  await nats.close()
  await mongo.close()
  process.exit(0)
})
