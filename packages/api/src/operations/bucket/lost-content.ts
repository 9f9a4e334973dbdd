import type { DataDoc } from '../../store/documents/data.ts'
import { settleData } from '../data/complete-upload.ts'
import type { SettlePorts } from '../settle/ports.ts'

/** Fails an item whose file is missing in the store. `false`: the file exists, or the item should have none. */
export async function failWithoutObject(ports: SettlePorts, item: DataDoc): Promise<boolean> {
  if (item.status !== 'available' || item.object === null) return false
  if (await ports.objects.head(item.object)) return false
  const change = await ports.store.data.change(item, (current) =>
    decideMissing(current, item.object, ports.clock.now()),
  )
  if (!change) return false
  ports.failpoint('janitor.item-failed')
  await settleData(ports, change.after)
  return true
}

export const decideMissing = (item: DataDoc, object: string | null, now: Date): DataDoc | null =>
  item.status === 'available' && item.object === object
    ? {
        ...item,
        status: 'failed',
        error: { code: 'object_missing', message: 'The file is not in the object store any more.' },
        settle: { kind: 'admit-waiting' },
        updatedAt: now,
      }
    : null
