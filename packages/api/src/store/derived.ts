import type { Collection } from 'mongodb'
import type { DataDoc } from './documents/data.ts'
import type { TaskDoc } from './documents/task.ts'
import { labelStarts } from './prefix.ts'

/** Fields that follow from others and exist for an index alone (see `indexes.ts`). */

export const indexedOfTask = ({ label }: Pick<TaskDoc, 'label'>) => ({ labelStarts: labelStarts(label) })

export const indexedOfData = (item: DataDoc) => ({
  labelStarts: labelStarts(item.label),
  retention: retentionOf(item),
})

/** Which setting decides how long an untouched item is kept; `null`: none, now. */
function retentionOf({ status, expiresAt, producer }: DataDoc): 'uploads' | 'outputs' | null {
  if (expiresAt !== null || (status !== 'available' && status !== 'failed')) return null
  return producer === null ? 'uploads' : 'outputs'
}

const filledAtOnce = 500

/** Adds the fields to documents that an older version wrote; they are found by the index on one of them. */
export async function fillDerived(
  raw: Collection,
  derive: (found: unknown) => Record<string, unknown>,
): Promise<void> {
  for (;;) {
    const without = await raw
      .find({ labelStarts: { $exists: false } })
      .limit(filledAtOnce)
      .toArray()
    if (without.length === 0) return
    await raw.bulkWrite(
      without.map((found) => ({
        updateOne: { filter: { _id: found._id }, update: { $set: derive(found) } },
      })),
      { ordered: false },
    )
  }
}
