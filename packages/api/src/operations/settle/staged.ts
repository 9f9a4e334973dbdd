import type { BatchId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

const mostAtOnce = 1_000

/** Whether it is a member of a batch that is not committed, and so is invisible. */
export async function isStaged(ports: Ports, { settle }: TaskDoc): Promise<boolean> {
  if (settle?.kind !== 'batch') return false
  const batch = await ports.store.batches.get(settle.batch)
  return !batch || batch.state === 'staging' || batch.state === 'aborted'
}

/** A filter that keeps such members out of lists. */
export async function notStaged(ports: Ports): Promise<{ 'settle.batch'?: { $nin: BatchId[] } }> {
  const batches = await ports.store.batches.find(
    { state: { $in: ['staging', 'aborted'] } },
    { limit: mostAtOnce },
  )
  return batches.length === 0 ? {} : { 'settle.batch': { $nin: batches.map((batch) => batch._id) } }
}

/** The task, unless it is staged. */
export async function findTask(ports: Ports, id: TaskDoc['_id']): Promise<TaskDoc | null> {
  const task = await ports.store.tasks.get(id)
  return task && !(await isStaged(ports, task)) ? task : null
}
