import type { Db } from 'mongodb'

/** `key`: fields in order with their direction, as MongoDB has them. `serves`: the queries that use it. */
export type Index = {
  key: Record<string, 1 | -1>
  serves: string
  unique?: boolean
  expireAfterSeconds?: number
  partialFilterExpression?: { 'entry.state': { $exists: true } }
}

/** Indexes of the queue have the queued tasks alone: they stay small, and other tasks cost them nothing. */
const queuedOnly = { partialFilterExpression: { 'entry.state': { $exists: true as const } } }

/** In addition, every collection has MongoDB's index on `_id`, and `{_id, rev}` for each compare-and-set. */
export const indexes: Record<string, readonly Index[]> = {
  tasks: [
    { key: { status: 1, _id: -1 }, serves: 'lists by status; the tick' },
    { key: { module: 1, _id: -1 }, serves: 'lists by module' },
    { key: { tags: 1, _id: -1 }, serves: 'lists by tag' },
    { key: { labelStarts: 1, _id: -1 }, serves: 'lists by the beginning of a label' },
    { key: { grant: 1, _id: -1 }, serves: 'tasks of a grant' },
    { key: { waitingFor: 1, _id: 1 }, serves: 'dependents of an item or a task' },
    { key: { reads: 1, _id: -1 }, serves: 'tasks that read an item' },
    { key: { after: 1, _id: 1 }, serves: 'tasks that come after a task' },
    { key: { 'settle.kind': 1, _id: 1 }, serves: 'open markers' },
    { key: { 'settle.batch': 1, _id: 1 }, serves: 'members of a batch to admit' },
    { key: { finishedAt: 1 }, serves: 'retention' },
    { key: { 'entry.state': 1, module: 1, 'entry.rank': 1 }, serves: 'the claim', ...queuedOnly },
    {
      key: { 'entry.state': 1, concurrencyKey: 1 },
      serves: 'tasks that wait for the same limit',
      ...queuedOnly,
    },
    { key: { 'entry.state': 1, 'entry.rank': 1 }, serves: 'missing tokens', ...queuedOnly },
    { key: { 'entry.state': 1, queuedAt: 1 }, serves: 'the longest wait', ...queuedOnly },
    { key: { 'entry.state': 1, 'entry.until': 1 }, serves: 'tasks parked until a time', ...queuedOnly },
    {
      key: { 'entry.state': 1, 'entry.slot': 1, 'entry.rank': 1 },
      serves: 'tasks parked under a slot',
      ...queuedOnly,
    },
  ],
  runs: [
    { key: { task: -1, attempt: -1 }, serves: 'lists, newest first; runs of a task' },
    { key: { status: 1, task: -1, attempt: -1 }, serves: 'lists by status' },
    { key: { module: 1, task: -1, attempt: -1 }, serves: 'lists by module' },
    { key: { agentId: 1, task: -1, attempt: -1 }, serves: 'lists by agent' },
    { key: { startedAt: -1, _id: -1 }, serves: 'lists by time' },
    { key: { status: 1, _id: 1 }, serves: 'scans of waiting runs' },
    { key: { archive: 1, finishedAt: 1 }, serves: 'logs to save, or past their retention time' },
    { key: { finishedAt: 1 }, serves: 'retention' },
  ],
  data: [
    { key: { status: 1, _id: -1 }, serves: 'lists by status; the tick' },
    { key: { type: 1, _id: -1 }, serves: 'lists by type' },
    { key: { tags: 1, _id: -1 }, serves: 'lists by tag' },
    { key: { labelStarts: 1, _id: -1 }, serves: 'lists by the beginning of a label' },
    { key: { 'producer.taskId': 1, _id: -1 }, serves: 'outputs of a task' },
    { key: { grant: 1, _id: -1 }, serves: 'items of a grant' },
    { key: { expiresAt: 1, _id: 1 }, serves: 'items that expire' },
    { key: { retention: 1, updatedAt: 1, _id: 1 }, serves: 'retention' },
    { key: { sha256: 1, size: 1 }, serves: 'deduplication' },
    { key: { object: 1 }, serves: 'the item of an object' },
    { key: { items: 1 }, serves: 'the list that contains an item' },
    { key: { 'settle.kind': 1 }, serves: 'open markers' },
  ],
  webhooks: [{ key: { disabledAt: 1 }, serves: 'webhooks that get every task' }],
  deliveries: [
    { key: { state: 1, nextAt: 1, receiver: 1 }, serves: 'due deliveries by receiver' },
    { key: { webhook: 1, _id: -1 }, serves: 'deliveries of a webhook' },
    { key: { expiresAt: 1 }, serves: 'expiry', expireAfterSeconds: 0 },
  ],
  audit: [
    { key: { at: -1 }, serves: 'lists by time' },
    { key: { action: 1, _id: -1 }, serves: 'lists by action' },
    { key: { keyId: 1, _id: -1 }, serves: 'lists by key' },
    { key: { subject: 1, _id: -1 }, serves: 'lists by subject' },
  ],
  schedules: [
    { key: { enabled: 1, nextFireAt: 1 }, serves: 'due schedules' },
    { key: { reads: 1 }, serves: 'schedules that need an item' },
  ],
  batches: [{ key: { state: 1, at: 1 }, serves: 'unfinished batches' }],
  bulkJobs: [{ key: { state: 1, at: 1 }, serves: 'unfinished bulk jobs' }],
  agents: [
    { key: { sessionId: 1 }, serves: 'the agent of a request', unique: true },
    { key: { keyId: 1, lastSeenAt: 1 }, serves: 'the number of agents of a key' },
  ],
  sessions: [
    { key: { createdAt: 1 }, serves: 'old sessions' },
    { key: { agent: 1, instanceId: 1 }, serves: 'the agent of live lines' },
  ],
  modules: [
    { key: { 'entries.agentId': 1 }, serves: 'modules of an agent' },
    { key: { 'awaiting.agentId': 1 }, serves: 'modules of an agent that await approval' },
  ],
  grants: [{ key: { expiresAt: 1 }, serves: 'expiry', expireAfterSeconds: 7 * 24 * 3600 }],
  tickets: [{ key: { expiresAt: 1 }, serves: 'expiry', expireAfterSeconds: 0 }],
  idempotency: [{ key: { at: 1 }, serves: 'expiry', expireAfterSeconds: 24 * 3600 }],
}

/** Creates the missing indexes. */
export async function ensureIndexes(db: Db, collections: readonly string[]): Promise<void> {
  await Promise.all(
    collections.map(async (name) => {
      const own = indexes[name] ?? []
      await db
        .collection(name)
        .createIndexes([
          { key: { _id: 1, rev: 1 }, unique: true },
          ...own.map(({ serves: _, ...index }) => index),
        ])
    }),
  )
}
