import type { Db } from 'mongodb'
import { newEntry } from './documents/queue.ts'
import { TaskDoc } from './documents/task.ts'

const atOnce = 500

/** An older version kept the queue in a collection: gives its queued tasks their entries, and removes it. */
export async function adoptOldQueue(db: Db): Promise<void> {
  if ((await db.listCollections({ name: 'queue' }).toArray()).length === 0) return
  const tasks = db.collection('tasks')
  for (;;) {
    const without = await tasks
      .find({ status: 'queued', entry: { $exists: false } })
      .limit(atOnce)
      .toArray()
    if (without.length === 0) break
    await tasks.bulkWrite(
      without.map((found) => {
        const task = TaskDoc.parse(found)
        const until: unknown = found.settle?.until ?? task.notBefore
        const isLater = until instanceof Date && until > new Date()
        const entry = newEntry(task, task.queuedAt ?? task.createdAt, isLater ? until : null)
        return {
          updateOne: {
            filter: { _id: found._id, rev: found.rev },
            update: { $set: { entry }, $inc: { rev: 1 } },
          },
        }
      }),
      { ordered: false },
    )
  }
  await db.dropCollection('queue')
}
