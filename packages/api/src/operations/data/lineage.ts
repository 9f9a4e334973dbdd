import type { DataId } from '@millrace/shared'
import { notFound } from '../../failure.ts'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { readersOf } from './readers.ts'

/** The most neighbours that an answer shows in each direction. */
const shown = 200

type Lineage = { item: DataDoc; producedBy: TaskDoc | null; inputs: DataDoc[]; usedBy: TaskDoc[] }

/** The task that produced an item and the tasks that read it, one step each way. */
export async function lineage(ports: Ports, id: DataId): Promise<Lineage> {
  const item = await ports.store.data.get(id)
  if (!item) throw notFound('data item')
  const [producedBy, usedBy] = await Promise.all([
    item.producer && ports.store.tasks.get(item.producer.taskId),
    readersOf(ports, item, { limit: shown }),
  ])
  return { item, producedBy, inputs: producedBy ? await itemsReadBy(ports, producedBy) : [], usedBy }
}

/** In the order in which the task names them, without deleted ones. */
async function itemsReadBy(ports: Ports, task: TaskDoc): Promise<DataDoc[]> {
  const ids = task.reads.slice(0, shown)
  const found = new Map((await ports.store.data.many(ids)).map((item) => [item._id, item]))
  return ids.flatMap((id) => found.get(id) ?? [])
}
