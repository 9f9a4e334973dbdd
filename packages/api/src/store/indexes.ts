import type { Db } from 'mongodb'

/** `key`: fields in order with their direction, as MongoDB has them. `serves`: the queries that use it. */
export type Index = {
  key: Record<string, 1 | -1>
  serves: string
  unique?: boolean
  expireAfterSeconds?: number
}

/** In addition, every collection has MongoDB's index on `_id`, and `{_id, rev}` for each compare-and-set. */
export const indexes: Record<string, readonly Index[]> = {
  tasks: [
    { key: { status: 1, _id: -1 }, serves: 'lists by status; the tick' },
    { key: { module: 1, _id: -1 }, serves: 'lists by module' },
    { key: { tags: 1, _id: -1 }, serves: 'lists by tag' },
    { key: { label: 1, _id: -1 }, serves: 'lists by the beginning of a label' },
    { key: { createdAt: -1 }, serves: 'lists by time' },
    { key: { grant: 1, _id: -1 }, serves: 'what was made with a token' },
    { key: { waitingFor: 1, _id: 1 }, serves: 'dependents of what has ended' },
    { key: { reads: 1, _id: -1 }, serves: 'who reads a data item' },
    { key: { after: 1, _id: 1 }, serves: 'who comes after a task' },
    { key: { 'settle.kind': 1, _id: 1 }, serves: 'open markers' },
    { key: { 'settle.batch': 1, _id: 1 }, serves: 'members of a batch that are to be admitted' },
    { key: { finishedAt: 1 }, serves: 'what is past its days' },
  ],
  runs: [
    { key: { task: -1, attempt: -1 }, serves: 'lists, newest first; runs of a task' },
    { key: { status: 1, task: -1, attempt: -1 }, serves: 'lists by status' },
    { key: { module: 1, task: -1, attempt: -1 }, serves: 'lists by module' },
    { key: { agentId: 1, task: -1, attempt: -1 }, serves: 'lists by agent' },
    { key: { startedAt: -1 }, serves: 'lists by time' },
    { key: { status: 1, _id: 1 }, serves: 'runs that wait, one after the other' },
    { key: { archive: 1, finishedAt: 1 }, serves: 'logs that are to be saved, or past their days' },
    { key: { finishedAt: 1 }, serves: 'what is past its days' },
  ],
  queue: [
    { key: { state: 1, module: 1, rank: 1 }, serves: 'the claim' },
    { key: { state: 1, concurrencyKey: 1 }, serves: 'entries that wait for the same limit' },
    { key: { state: 1, rank: 1 }, serves: 'tokens that are missing' },
    { key: { state: 1, queuedAt: 1 }, serves: 'the longest wait' },
    { key: { state: 1, until: 1 }, serves: 'entries parked until a time' },
    { key: { state: 1, slot: 1, rank: 1 }, serves: 'entries parked under a slot' },
  ],
  data: [
    { key: { status: 1, _id: -1 }, serves: 'lists by status; the tick' },
    { key: { type: 1, _id: -1 }, serves: 'lists by type' },
    { key: { tags: 1, _id: -1 }, serves: 'lists by tag' },
    { key: { label: 1, _id: -1 }, serves: 'lists by the beginning of a label' },
    { key: { 'producer.taskId': 1, _id: -1 }, serves: 'what a task made' },
    { key: { grant: 1, _id: -1 }, serves: 'what was made with a token' },
    { key: { expiresAt: 1, _id: 1 }, serves: 'items that expire' },
    { key: { sha256: 1, size: 1 }, serves: 'bytes that are held already' },
    { key: { object: 1 }, serves: 'whose object it is' },
    { key: { items: 1 }, serves: 'the list that an element stands in' },
    { key: { 'settle.kind': 1 }, serves: 'open markers' },
  ],
  webhooks: [{ key: { disabledAt: 1 }, serves: 'webhooks that get every task' }],
  deliveries: [
    { key: { state: 1, nextAt: 1, receiver: 1 }, serves: 'what is to be sent, and to whom' },
    { key: { webhook: 1, _id: -1 }, serves: 'what was sent to one receiver' },
    { key: { expiresAt: 1 }, serves: 'their end', expireAfterSeconds: 0 },
  ],
  audit: [
    { key: { at: -1 }, serves: 'lists by time' },
    { key: { action: 1, _id: -1 }, serves: 'lists by action' },
    { key: { keyId: 1, _id: -1 }, serves: 'lists by key' },
    { key: { subject: 1, _id: -1 }, serves: 'lists by what it was done to' },
  ],
  schedules: [
    { key: { enabled: 1, nextFireAt: 1 }, serves: 'what is due' },
    { key: { reads: 1 }, serves: 'who needs a data item' },
  ],
  batches: [{ key: { state: 1, at: 1 }, serves: 'batches that are not through' }],
  bulkJobs: [{ key: { state: 1, at: 1 }, serves: 'bulk jobs that are not through' }],
  agents: [
    { key: { sessionId: 1 }, serves: 'the agent of a request', unique: true },
    { key: { keyId: 1, lastSeenAt: 1 }, serves: 'how many agents a key has' },
  ],
  sessions: [
    { key: { createdAt: 1 }, serves: 'those that are long over' },
    { key: { agent: 1, instanceId: 1 }, serves: 'whose live lines they are' },
  ],
  modules: [
    { key: { 'entries.agentId': 1 }, serves: 'what an agent no longer has' },
    { key: { 'awaiting.agentId': 1 }, serves: 'what an agent no longer has, and how many await approval' },
  ],
  grants: [{ key: { expiresAt: 1 }, serves: 'their end', expireAfterSeconds: 7 * 24 * 3600 }],
  tickets: [{ key: { expiresAt: 1 }, serves: 'their end', expireAfterSeconds: 0 }],
  idempotency: [{ key: { at: 1 }, serves: 'their end', expireAfterSeconds: 24 * 3600 }],
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
