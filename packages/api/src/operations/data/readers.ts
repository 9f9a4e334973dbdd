import { type DataId, isTerminal, type ScheduleId, type TaskId } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** Tasks that read an item, by its own id or by that of the list it stands in; newest first. */
export async function readersOf(
  deps: Deps,
  item: DataDoc,
  { unfinished = false, limit }: { unfinished?: boolean; limit: number },
): Promise<TaskDoc[]> {
  const list = await listOf(deps, item)
  const names: DataId[] = list ? [item._id, list._id] : [item._id]
  // Not by `status`: its index moves with a task, and a search along it may miss one that moves meanwhile.
  const filter = { reads: { $in: names }, ...(unfinished ? { finishedAt: null } : {}) }
  return deps.store.tasks.find(filter, { sort: { _id: -1 }, limit })
}

/** The list that an item is an element of, unless that is going away itself. */
export async function listOf(deps: Deps, item: DataDoc): Promise<DataDoc | null> {
  if (!item.producer) return null
  const producer = await deps.store.tasks.get(item.producer.taskId)
  const id = producer?.outputs[item.producer.output]?.data
  if (id === item._id) return null
  // A task may be gone while its outputs are kept.
  const [list] = id
    ? await deps.store.data.many([id])
    : await deps.store.data.find({ items: item._id }, { limit: 1 })
  return list?.items?.includes(item._id) && list.status !== 'removing' ? list : null
}

/** Who cannot do without the item: tasks that have not ended and read or produce it, schedules whose tasks will read it. */
export async function inNeedOf(deps: Deps, item: DataDoc, limit: number): Promise<(TaskId | ScheduleId)[]> {
  const producer = item.producer && (await deps.store.tasks.get(item.producer.taskId))
  if (producer && !isTerminal(producer.status)) return [producer._id]
  const [tasks, schedules] = await Promise.all([
    readersOf(deps, item, { unfinished: true, limit }),
    deps.store.schedules.find({ reads: item._id }, { limit }),
  ])
  return [...tasks, ...schedules].map(({ _id }) => _id)
}
