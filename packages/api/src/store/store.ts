import { type Db, MongoClient } from 'mongodb'
import type { z } from 'zod'
import { type Collection, type Doc, openCollection } from './collection.ts'
import { GrantDoc, IdempotencyDoc, KeyDoc } from './documents/access.ts'
import { AgentDoc, SessionDoc } from './documents/agent.ts'
import { DataDoc } from './documents/data.ts'
import { MetaDoc } from './documents/meta.ts'
import { InstallLogDoc, ModuleDoc } from './documents/module.ts'
import { QueueDoc, SlotDoc } from './documents/queue.ts'
import { RunDoc } from './documents/run.ts'
import { TaskDoc } from './documents/task.ts'

export type Store = {
  tasks: Collection<TaskDoc>
  runs: Collection<RunDoc>
  queue: Collection<QueueDoc>
  slots: Collection<SlotDoc>
  data: Collection<DataDoc>
  modules: Collection<ModuleDoc>
  installLogs: Collection<InstallLogDoc>
  agents: Collection<AgentDoc>
  sessions: Collection<SessionDoc>
  keys: Collection<KeyDoc>
  grants: Collection<GrantDoc>
  idempotency: Collection<IdempotencyDoc>
  meta: Collection<MetaDoc>
  /** Numbers for the dashboard: tasks by status and module, data by count and bytes. */
  count(): Promise<{
    tasks: { module: string; status: string; count: number }[]
    data: { count: number; bytes: number }
  }>
  /** Documents written by this process so far. */
  writes(): number
  ensureIndexes(): Promise<void>
  ping(): Promise<void>
  close(): Promise<void>
}

/** Opens the database that the URL names (default `millrace`). Writes are acknowledged by a majority, journaled. */
export function openStore(url: string): Store {
  const client = new MongoClient(url, {
    appName: 'millrace-api',
    writeConcern: { w: 'majority', journal: true },
    serverSelectionTimeoutMS: 5_000,
    connectTimeoutMS: 5_000,
    ignoreUndefined: true,
    retryWrites: false,
  })
  const db = client.db(new URL(url).pathname.length > 1 ? undefined : 'millrace')
  let writes = 0
  const collection = <S extends z.ZodType<Doc>>(name: string, schema: S) =>
    openCollection(db, name, schema, (documents) => {
      writes += documents
    })
  return {
    tasks: collection('tasks', TaskDoc),
    runs: collection('runs', RunDoc),
    queue: collection('queue', QueueDoc),
    slots: collection('slots', SlotDoc),
    data: collection('data', DataDoc),
    modules: collection('modules', ModuleDoc),
    installLogs: collection('installLogs', InstallLogDoc),
    agents: collection('agents', AgentDoc),
    sessions: collection('sessions', SessionDoc),
    keys: collection('keys', KeyDoc),
    grants: collection('grants', GrantDoc),
    idempotency: collection('idempotency', IdempotencyDoc),
    meta: collection('meta', MetaDoc),
    count: () => count(db),
    writes: () => writes,
    ensureIndexes: () => ensureIndexes(db),
    async ping() {
      await db.command({ ping: 1 }, { timeoutMS: 3_000 })
    },
    close: () => client.close(),
  }
}

async function count(db: Db) {
  const tasks = await db
    .collection('tasks')
    .aggregate<{ _id: { module: string; status: string }; count: number }>([
      { $group: { _id: { module: '$module', status: '$status' }, count: { $sum: 1 } } },
    ])
    .toArray()
  const [data] = await db
    .collection('data')
    .aggregate<{ count: number; bytes: number }>([
      { $group: { _id: 'all', count: { $sum: 1 }, bytes: { $sum: '$size' } } },
    ])
    .toArray()
  return {
    tasks: tasks.map(({ _id, count }) => ({ ..._id, count })),
    data: { count: data?.count ?? 0, bytes: data?.bytes ?? 0 },
  }
}

/** `{_id, rev}` serves every compare-and-set; the others serve one query each, named beside it. */
async function ensureIndexes(db: Db): Promise<void> {
  const revisioned = [
    'tasks',
    'runs',
    'queue',
    'slots',
    'data',
    'modules',
    'installLogs',
    'agents',
    'sessions',
    'keys',
    'grants',
    'idempotency',
    'meta',
  ]
  await Promise.all(
    revisioned.map((name) => db.collection(name).createIndex({ _id: 1, rev: 1 }, { unique: true })),
  )
  await db.collection('tasks').createIndexes([
    { key: { status: 1, _id: -1 } }, // lists by status
    { key: { module: 1, _id: -1 } }, // lists by module
    { key: { waitingFor: 1 }, sparse: true }, // dependents of something that ended
    { key: { grant: 1, _id: -1 }, sparse: true }, // what was made with a token
    { key: { reads: 1, _id: -1 } }, // who reads a data item, newest first
    { key: { 'settle.kind': 1 }, sparse: true }, // open markers, for the tick
  ])
  await db.collection('runs').createIndexes([
    { key: { task: -1, attempt: -1 } }, // lists, newest first; lists by task
    { key: { status: 1, task: -1, attempt: -1 } }, // lists by status
    { key: { module: 1, task: -1, attempt: -1 } }, // lists by module
    { key: { agentId: 1, task: -1, attempt: -1 } }, // lists by agent
    { key: { archive: 1 } }, // logs to be saved
  ])
  await db.collection('queue').createIndexes([
    { key: { state: 1, module: 1, rank: 1 } }, // the claim
    { key: { state: 1, until: 1 } }, // parked by time
    { key: { state: 1, slot: 1, rank: 1 } }, // parked under a slot
  ])
  await db.collection('data').createIndexes([
    { key: { status: 1, _id: -1 } },
    { key: { type: 1, _id: -1 } },
    { key: { 'producer.taskId': 1, _id: -1 }, sparse: true },
    { key: { grant: 1, _id: -1 }, sparse: true }, // what was made with a token
    { key: { expiresAt: 1 }, sparse: true }, // what is to go by itself
    { key: { sha256: 1, size: 1 }, sparse: true }, // bytes that are held already
    { key: { 'settle.kind': 1 }, sparse: true },
  ])
  await db.collection('agents').createIndex({ sessionId: 1 }, { unique: true }) // the agent of a request
  await db.collection('modules').createIndex({ 'entries.agentId': 1 }) // what an agent no longer has
  await db.collection('grants').createIndex({ expiresAt: 1 }, { expireAfterSeconds: 7 * 24 * 3600 })
  await db.collection('idempotency').createIndex({ at: 1 }, { expireAfterSeconds: 24 * 3600 })
}
