import { type DataId, dataMoves, isTerminal, type ScheduleId, type TaskId } from '@millrace/shared'
import { Failure, notFound } from '../../failure.ts'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import { admitDependents } from '../settle/dependents.ts'
import type { SettlePorts } from '../settle/ports.ts'
import { settle } from '../settle/settle.ts'
import { settleData } from './complete-upload.ts'
import { inNeedOf, listOf } from './readers.ts'
import { removeContent } from './remove-content.ts'

/** The most ids that a message names. */
const namedAtMost = 20
const elementsAtOnce = 8

/** Removes an item and its content, unless an unfinished task needs it. Any number of requests may do so at once. */
export async function deleteData(ports: SettlePorts, id: DataId): Promise<void> {
  let item = await ports.store.data.get(id)
  if (!item) throw notFound('data item')
  for (; item; item = await ports.store.data.get(id)) {
    const producer = await unfinishedProducer(ports, item)
    const needing = producer ? [producer] : await finishDeletion(ports, await mark(ports, item))
    if (needing.length > 0)
      throw new Failure(
        'data_in_use',
        `The item is needed by tasks that have not ended, or by schedules: ${needing.join(', ')}.`,
      )
  }
}

/**
 * The unfinished task that produces the item. Its pending output is never marked, because the task would skip it at its
 * end. An ended task is settled first, so that its outputs exist and no list element follows later.
 */
async function unfinishedProducer(ports: SettlePorts, item: DataDoc): Promise<TaskId | null> {
  const producer = item.producer && (await ports.store.tasks.get(item.producer.taskId))
  if (!producer) return null
  return isTerminal((await settle(ports, producer)).status) ? null : producer._id
}

/** From here on a task submitted on the item waits until the item is restored or gone. */
async function mark(ports: Ports, item: DataDoc): Promise<DataDoc> {
  const change = await ports.store.data.change(item, (current) => decideMark(current, ports.clock.now()))
  if (!change) return item
  ports.failpoint('delete.marked')
  return change.after
}

export const decideMark = (item: DataDoc, now: Date): DataDoc | null =>
  dataMoves[item.status].includes('deleting')
    ? { ...item, status: 'deleting', before: item.status, updatedAt: now }
    : null

/**
 * Finishes a deletion that any process began. Returns the tasks and schedules that need the item, so that it was
 * restored; none when it is gone, or another process restored it.
 */
export async function finishDeletion(ports: SettlePorts, from: DataDoc): Promise<(TaskId | ScheduleId)[]> {
  let item: DataDoc | null = from
  while (item?.status === 'deleting') {
    const needing = await inNeedOf(ports, item, namedAtMost)
    const decided = await writeOnce(ports, item, decideDeletion(item, needing.length > 0, ports.clock.now()))
    if (decided && needing.length > 0) {
      await settleData(ports, decided) // tasks submitted while it was `deleting` wait for it
      return needing
    }
    if (decided) ports.failpoint('delete.committed')
    item = decided ?? (await ports.store.data.get(item._id))
  }
  if (item?.status === 'removing') await remove(ports, item)
  return []
}

/** Decides on a `deleting` item: needed → its former status; else `removing`, which is final. */
export function decideDeletion(item: DataDoc, needed: boolean, now: Date): DataDoc {
  return needed
    ? {
        ...item,
        status: item.before ?? 'available',
        before: null,
        settle: { kind: 'admit-waiting' },
        updatedAt: now,
      }
    : { ...item, status: 'removing', settle: null, updatedAt: now }
}

/**
 * The decision holds for exactly the revision that was read: if the item was restored and marked again meanwhile, it
 * must be decided again.
 */
async function writeOnce(ports: Ports, item: DataDoc, next: DataDoc): Promise<DataDoc | null> {
  const change = await ports.store.data.change(item, (current) => (current.rev === item.rev ? next : null))
  return change?.after ?? null
}

/** Removes the document last, so that after a crash another process can continue from it. */
async function remove(ports: SettlePorts, item: DataDoc): Promise<void> {
  for (const ended of await admitDependents(ports, [item._id])) await settle(ports, ended)
  await removeElements(ports, item)
  await leaveList(ports, item)
  await removeContent(ports, item)
  ports.failpoint('delete.object-removed')
  // A retry of its task may have created it again meanwhile: the new one stays.
  await ports.store.data.removeUnchanged(item)
}

/** Deletes the elements of a list, except those that a task needs on their own. */
async function removeElements(ports: SettlePorts, list: DataDoc): Promise<void> {
  const elements = [...(list.items ?? [])]
  while (elements.length > 0) {
    const some = await ports.store.data.many(elements.splice(0, elementsAtOnce))
    await Promise.all(some.map(async (element) => finishDeletion(ports, await mark(ports, element))))
  }
}

/** A list never names a missing element: its readers would get less than they see. */
async function leaveList(ports: Ports, element: DataDoc): Promise<void> {
  const list = await listOf(ports, element)
  if (!list) return
  await ports.store.data.change(list, (current) =>
    current.items?.includes(element._id)
      ? { ...current, items: current.items.filter((id) => id !== element._id), updatedAt: ports.clock.now() }
      : null,
  )
}
