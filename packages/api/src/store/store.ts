import { type Db, MongoClient } from 'mongodb'
import type { z } from 'zod'
import { type Collection, type Doc, openCollection } from './collection.ts'
import { fillDerived, indexedOfData, indexedOfTask } from './derived.ts'
import { GrantDoc, IdempotencyDoc, KeyDoc, TicketDoc } from './documents/access.ts'
import { AgentDoc, SessionDoc } from './documents/agent.ts'
import { AuditDoc } from './documents/audit.ts'
import { BatchDoc } from './documents/batch.ts'
import { BulkJobDoc } from './documents/bulk-job.ts'
import { DataDoc } from './documents/data.ts'
import { MetaDoc } from './documents/meta.ts'
import { InstallLogDoc, ModuleDoc } from './documents/module.ts'
import { QueueDoc, SlotDoc } from './documents/queue.ts'
import { RunDoc } from './documents/run.ts'
import { ScheduleDoc } from './documents/schedule.ts'
import { TaskDoc } from './documents/task.ts'
import { DeliveryDoc, WebhookDoc } from './documents/webhook.ts'
import { ensureIndexes } from './indexes.ts'
import { type Remembering, remembering } from './remember.ts'

export type Store = {
  tasks: Collection<TaskDoc>
  runs: Collection<RunDoc>
  queue: Collection<QueueDoc>
  slots: Collection<SlotDoc>
  data: Collection<DataDoc>
  modules: Remembering<ModuleDoc>
  installLogs: Collection<InstallLogDoc>
  agents: Collection<AgentDoc>
  sessions: Collection<SessionDoc>
  keys: Remembering<KeyDoc>
  grants: Collection<GrantDoc>
  tickets: Collection<TicketDoc>
  idempotency: Collection<IdempotencyDoc>
  meta: Collection<MetaDoc>
  batches: Collection<BatchDoc>
  webhooks: Collection<WebhookDoc>
  deliveries: Collection<DeliveryDoc>
  audit: Collection<AuditDoc>
  schedules: Collection<ScheduleDoc>
  bulkJobs: Collection<BulkJobDoc>
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
  })
  return { ...storeOver(client.db(databaseIn(url))), close: () => client.close() }
}

/** The database in a connection string, which may name several hosts and so need not be a URL for `URL`. */
export const databaseIn = (url: string): string =>
  /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^?]+)/.exec(url)?.[1] ?? 'millrace'

/** The store in a database that the caller opened and closes. */
export function storeOver(db: Db): Omit<Store, 'close'> {
  const names: string[] = []
  const incomplete: (() => Promise<void>)[] = []
  let writes = 0
  const wrote = (documents: number) => {
    writes += documents
  }
  const collection = <S extends z.ZodType<Doc>>(
    name: string,
    schema: S,
    derive?: (doc: z.output<S> & Doc) => Record<string, unknown>,
  ) => {
    names.push(name)
    if (derive)
      incomplete.push(() => fillDerived(db.collection(name), (found) => derive(schema.parse(found))))
    return openCollection(db, name, schema, { wrote, derive })
  }
  return {
    tasks: collection('tasks', TaskDoc, indexedOfTask),
    runs: collection('runs', RunDoc),
    queue: collection('queue', QueueDoc),
    slots: collection('slots', SlotDoc),
    data: collection('data', DataDoc, indexedOfData),
    modules: remembering(collection('modules', ModuleDoc)),
    installLogs: collection('installLogs', InstallLogDoc),
    agents: collection('agents', AgentDoc),
    sessions: collection('sessions', SessionDoc),
    keys: remembering(collection('keys', KeyDoc)),
    grants: collection('grants', GrantDoc),
    tickets: collection('tickets', TicketDoc),
    idempotency: collection('idempotency', IdempotencyDoc),
    meta: collection('meta', MetaDoc),
    batches: collection('batches', BatchDoc),
    webhooks: collection('webhooks', WebhookDoc),
    deliveries: collection('deliveries', DeliveryDoc),
    audit: collection('audit', AuditDoc),
    schedules: collection('schedules', ScheduleDoc),
    bulkJobs: collection('bulkJobs', BulkJobDoc),
    count: () => count(db),
    writes: () => writes,
    async ensureIndexes() {
      await ensureIndexes(db, names)
      for (const fill of incomplete) await fill()
    },
    async ping() {
      await db.command({ ping: 1 }, { timeoutMS: 3_000 })
    },
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
