import { type DataId, isTerminal, type ScheduleId, type TaskId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** Tasks that read an item, by its id or through the list that contains it; newest first. */
export async function readersOf(
  ports: Ports,
  item: DataDoc,
  { unfinished = false, limit }: { unfinished?: boolean; limit: number },
): Promise<TaskDoc[]> {
  const list = await listOf(ports, item)
  const names: DataId[] = list ? [item._id, list._id] : [item._id]
  // Not by `status`: a scan of its index may miss a task whose status changes meanwhile.
  const filter = { reads: { $in: names }, ...(unfinished ? { finishedAt: null } : {}) }
  return ports.store.tasks.find(filter, { sort: { _id: -1 }, limit })
}

/** The list that contains an item, unless the list is being deleted itself. */
export async function listOf(ports: Ports, item: DataDoc): Promise<DataDoc | null> {
  if (!item.producer) return null
  const producer = await ports.store.tasks.get(item.producer.taskId)
  const id = producer?.outputs[item.producer.output]?.data
  if (id === item._id) return null
  // A task may be removed before its outputs.
  const [list] = id
    ? await ports.store.data.many([id])
    : await ports.store.data.find({ items: item._id }, { limit: 1 })
  return list?.items?.includes(item._id) && list.status !== 'removing' ? list : null
}

/** What needs the item: unfinished tasks that read or produce it, and schedules whose tasks will read it. */
export async function inNeedOf(ports: Ports, item: DataDoc, limit: number): Promise<(TaskId | ScheduleId)[]> {
  const producer = item.producer && (await ports.store.tasks.get(item.producer.taskId))
  if (producer && !isTerminal(producer.status)) return [producer._id]
  const [tasks, schedules] = await Promise.all([
    readersOf(ports, item, { unfinished: true, limit }),
    ports.store.schedules.find({ reads: item._id }, { limit }),
  ])
  return [...tasks, ...schedules].map(({ _id }) => _id)
}
