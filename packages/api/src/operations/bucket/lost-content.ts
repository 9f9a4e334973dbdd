import type { Deps } from '../../deps.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import { settleData } from '../data/complete-upload.ts'

/** An item says that its file lies in the store, and it does not: then it fails. `false`: it is there, or not asked for. */
export async function failWithoutObject(deps: Deps, item: DataDoc): Promise<boolean> {
  if (item.status !== 'available' || item.object === null) return false
  if (await deps.objects.head(item.object)) return false
  const change = await deps.store.data.change(item, (current) =>
    decideMissing(current, item.object, deps.clock.now()),
  )
  if (!change) return false
  deps.failpoint('janitor.item-failed')
  await settleData(deps, change.after)
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
