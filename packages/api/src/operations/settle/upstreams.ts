import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { readBy } from '../inputs/reads.ts'
import type { Upstreams } from '../task/admission.ts'

/** Reads the items and tasks that a task needs. */
export async function readUpstreams(ports: Ports, task: TaskDoc): Promise<Upstreams> {
  const ids = readBy(task.inputs)
  const [items, tasks] = await Promise.all([ports.store.data.many(ids), ports.store.tasks.many(task.after)])
  const found = new Set(items.map((item) => item._id))
  const known = new Set(tasks.map((upstream) => upstream._id))
  // A task is removed only when no other names it, except for one that was submitted at that moment.
  const missing = [...ids.filter((id) => !found.has(id)), ...task.after.filter((id) => !known.has(id))]
  const failed = items.filter((item) => item.status === 'failed' && item.producer)
  const producers = await ports.store.tasks.many(
    failed.flatMap((item) => item.producer?.taskId ?? []).slice(0, 1),
  )
  return { items, missing, tasks, producers }
}
