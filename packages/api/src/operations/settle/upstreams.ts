import type { Deps } from '../../deps.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { readBy } from '../inputs/reads.ts'
import type { Upstreams } from '../task/admission.ts'

/** Reads the items and tasks that a task needs. */
export async function readUpstreams(deps: Deps, task: TaskDoc): Promise<Upstreams> {
  const ids = readBy(task.inputs)
  const [items, tasks] = await Promise.all([deps.store.data.many(ids), deps.store.tasks.many(task.after)])
  const found = new Set(items.map((item) => item._id))
  const known = new Set(tasks.map((upstream) => upstream._id))
  // A task is removed only when no other names it, but for one that was submitted at that very moment.
  const missing = [...ids.filter((id) => !found.has(id)), ...task.after.filter((id) => !known.has(id))]
  const failed = items.filter((item) => item.status === 'failed' && item.producer)
  const producers = await deps.store.tasks.many(
    failed.flatMap((item) => item.producer?.taskId ?? []).slice(0, 1),
  )
  return { items, missing, tasks, producers }
}
