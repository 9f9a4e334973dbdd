import { serve } from '@hono/node-server'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { Hono } from 'hono'
import { MongoClient } from 'mongodb'
import { ulid } from 'ulid'

/**
 * The minimum for carrying a task to a machine and its result back: three durable writes to the database (submit, claim,
 * finish), one message through JetStream, and nothing else.
 */
const { MONGODB_URL = '', NATS_URL = '', NATS_USER, NATS_PASSWORD } = process.env
type Doc = { _id: string; rev: number; [key: string]: unknown }
const mongo = await new MongoClient(MONGODB_URL, {
  writeConcern: { w: 'majority', journal: true },
  retryWrites: false,
}).connect()
const tasks = mongo.db('bare').collection<Doc>('pipeline_tasks')
await tasks.createIndex({ _id: 1, rev: 1 }, { unique: true })
const nats = await connect({ servers: NATS_URL, user: NATS_USER, pass: NATS_PASSWORD })
const manager = await jetstreamManager(nats)
await manager.streams.add({ name: 'PIPELINE', subjects: ['pipeline.>'], retention: 'workqueue' })
await manager.consumers.add('PIPELINE', { durable_name: 'agent', ack_policy: 'explicit' })
const stream = jetstream(nats)
const waiting = new Map<string, (task: object) => void>()

const app = new Hono()
app.post('/tasks', async (c) => {
  const id = `tsk_${ulid()}`
  const task: Doc = { ...(await c.req.json()), _id: id, rev: 1, status: 'queued', createdAt: new Date() }
  await tasks.insertOne(task)
  await tasks.updateOne({ _id: id, rev: 1 }, { $set: { rev: 2, status: 'running' } })
  await stream.publish('pipeline.task', JSON.stringify({ id, inputs: task.inputs }))
  return c.json({ task }, 201)
})
app.get('/tasks/:id', async (c) => {
  const id = c.req.param('id')
  const ended = new Promise<object>((resolve) => waiting.set(id, resolve))
  const task = await tasks.findOne({ _id: id })
  return c.json({ task: task?.status === 'succeeded' ? task : await ended })
})
app.post('/tasks/:id/finish', async (c) => {
  const id = c.req.param('id')
  const result = await c.req.json()
  const task = await tasks.findOneAndUpdate(
    { _id: id, rev: 2 },
    { $set: { rev: 3, status: 'succeeded', result } },
    { returnDocument: 'after' },
  )
  if (task) waiting.get(id)?.(task)
  waiting.delete(id)
  return c.json({ applied: true })
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
