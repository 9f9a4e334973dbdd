import type { Filter } from '../store/collection.ts'
import type { DataDoc } from '../store/documents/data.ts'

type Time = 'expiresAt' | 'updatedAt'

/** The filter of a page in a scan by time, then by id: items up to a time, behind the position of the page before. */
export function pageOf(field: Time, upTo: Date, after: string): Filter<DataDoc> {
  const [time, id] = after.split(' ')
  if (!time || !id) return { [field]: { $lte: upTo } }
  const last = new Date(time)
  return {
    $or: [{ [field]: { $gt: last, $lte: upTo } }, { [field]: last, _id: { $gt: id } }],
  } as Filter<DataDoc>
}

/** The position after a page; `null`: the scan is complete. */
export function nextPage(field: Time, page: readonly DataDoc[], limit: number): string | null {
  const last = page.at(-1)
  return page.length < limit || !last ? null : `${last[field]?.toISOString()} ${last._id}`
}
