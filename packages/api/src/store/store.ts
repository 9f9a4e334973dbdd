import { type Db, MongoClient } from 'mongodb'
import type { z } from 'zod'
import { type Collection, type Doc, openCollection, type WithFollowUps } from './collection.ts'
import { fillDerived, indexedOfData, indexedOfTask } from './derived.ts'
import { GrantDoc, IdempotencyDoc, KeyDoc, TicketDoc } from './documents/access.ts'
import { AgentDoc, SessionDoc } from './documents/agent.ts'
import { AuditDoc } from './documents/audit.ts'
import { BatchDoc } from './documents/batch.ts'
import { BulkJobDoc } from './documents/bulk-job.ts'
import { DataDoc } from './documents/data.ts'
import { MetaDoc } from './documents/meta.ts'
import { InstallLogDoc, ModuleDoc } from './documents/module.ts'
import { QueuedTask, SlotDoc } from './documents/queue.ts'
import { RunDoc } from './documents/run.ts'
import { ScheduleDoc } from './documents/schedule.ts'
import { TaskDoc } from './documents/task.ts'
import { DeliveryDoc, WebhookDoc } from './documents/webhook.ts'
import { ensureIndexes } from './indexes.ts'
import { adoptOldQueue } from './old-queue.ts'
import { type Remembering, remembering } from './remember.ts'

/** Documents written, writes that waited for the disk, and searches. */
type DatabaseLoad = { documents: number; durable: number; searches: number }

export type Store = {
  tasks: WithFollowUps<TaskDoc>
  runs: Collection<RunDoc>
  /** The tasks that have an entry in the queue. */
  queue: Pick<Collection<QueuedTask>, 'find' | 'count' | 'change' | 'changeMany'>
  slots: Collection<SlotDoc>
  data: WithFollowUps<DataDoc>
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
  /** What this process asked of the database so far. */
  load(): DatabaseLoad
  ensureIndexes(): Promise<void>
  ping(): Promise<void>
  close(): Promise<void>
}

/** Opens the database that the URL names (default `millrace`). */
export function openStore(url: string): Store {
  const client = new MongoClient(url, {
    appName: 'millrace-api',
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
  const load: DatabaseLoad = { documents: 0, durable: 0, searches: 0 }
  const wrote = (isDurable: boolean) => (documents: number) => {
    load.documents += documents
    if (isDurable) load.durable += 1
  }
  const searched = () => {
    load.searches += 1
  }
  const open = <S extends z.ZodType<Doc>>(
    name: string,
    schema: S,
    isDurable: boolean,
    derive?: (doc: z.output<S> & Doc) => Record<string, unknown>,
  ) => openCollection(db, name, schema, { isDurable, derive, wrote: wrote(isDurable), searched })
  const durable = <S extends z.ZodType<Doc>>(name: string, schema: S) => {
    names.push(name)
    return open(name, schema, true)
  }
  /** Every write of these is a follow-up of a task. */
  const followUps = <S extends z.ZodType<Doc>>(name: string, schema: S) => {
    names.push(name)
    return open(name, schema, false)
  }
  const withFollowUps = <S extends z.ZodType<Doc>>(
    name: string,
    schema: S,
    derive: (doc: z.output<S> & Doc) => Record<string, unknown>,
  ) => {
    names.push(name)
    incomplete.push(() => fillDerived(db.collection(name), (found) => derive(schema.parse(found))))
    return { ...open(name, schema, true, derive), followUp: open(name, schema, false, derive) }
  }
  return {
    tasks: withFollowUps('tasks', TaskDoc, indexedOfTask),
    runs: followUps('runs', RunDoc),
    queue: openCollection(db, 'tasks', QueuedTask, {
      isDurable: false,
      wrote: wrote(false),
      searched,
      part: { having: 'entry.state', fields: Object.keys(QueuedTask.shape) },
    }),
    slots: followUps('slots', SlotDoc),
    data: withFollowUps('data', DataDoc, indexedOfData),
    modules: remembering(durable('modules', ModuleDoc)),
    installLogs: durable('installLogs', InstallLogDoc),
    agents: durable('agents', AgentDoc),
    sessions: durable('sessions', SessionDoc),
    keys: remembering(durable('keys', KeyDoc)),
    grants: durable('grants', GrantDoc),
    tickets: durable('tickets', TicketDoc),
    idempotency: durable('idempotency', IdempotencyDoc),
    meta: durable('meta', MetaDoc),
    batches: durable('batches', BatchDoc),
    webhooks: durable('webhooks', WebhookDoc),
    deliveries: durable('deliveries', DeliveryDoc),
    audit: durable('audit', AuditDoc),
    schedules: durable('schedules', ScheduleDoc),
    bulkJobs: durable('bulkJobs', BulkJobDoc),
    count: () => count(db),
    load: () => ({ ...load }),
    async ensureIndexes() {
      await ensureIndexes(db, names)
      await adoptOldQueue(db)
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
