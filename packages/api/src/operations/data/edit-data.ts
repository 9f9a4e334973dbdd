import type { DataId, EditData } from '@millrace/shared'
import { Failure, notFound } from '../../failure.ts'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'

/** Changes label, tags and the like; the content of an item never changes. */
export async function editData(ports: Ports, id: DataId, wanted: EditData): Promise<DataDoc> {
  const item = await ports.store.data.get(id)
  if (!item) throw notFound('data item')
  if (Object.keys(wanted).length === 0 && !isGoing(item)) return item
  const change = await ports.store.data.change(item, (current) =>
    decideEdit(current, wanted, ports.clock.now()),
  )
  if (!change) throw new Failure('conflict', 'The item is being deleted.')
  return change.after
}

export function decideEdit(item: DataDoc, wanted: EditData, now: Date): DataDoc | null {
  if (isGoing(item)) return null
  const { label = item.label, tags = item.tags, expiresAt } = wanted
  const expires = expiresAt === undefined ? item.expiresAt : expiresAt === null ? null : new Date(expiresAt)
  return { ...item, label, tags, expiresAt: expires, updatedAt: now }
}

const isGoing = (item: DataDoc): boolean => item.status === 'deleting' || item.status === 'removing'
