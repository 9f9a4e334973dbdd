import type { ListedObject } from '../../objects/objects.ts'
import type { DataDoc } from '../../store/documents/data.ts'

/** A range of the bucket's keys. `end`: its last key, `null` when no key comes after it. */
export type KeyRange = { objects: ListedObject[]; items: DataDoc[]; end: string | null }

/**
 * Cuts the pages of objects and of items to their common range of keys: beyond the shorter page one side is unknown.
 */
export function commonKeyRange(
  listed: { objects: readonly ListedObject[]; more: boolean },
  naming: { items: readonly DataDoc[]; more: boolean },
): KeyRange {
  const ends = [
    listed.more ? listed.objects.at(-1)?.key : undefined,
    naming.more ? naming.items.at(-1)?.object : undefined,
  ]
  const [end = null] = ends.flatMap((key) => key ?? []).sort()
  const isWithin = (key: string | null) => key !== null && (end === null || key <= end)
  return {
    objects: listed.objects.filter(({ key }) => isWithin(key)),
    items: naming.items.filter(({ object }) => isWithin(object)),
    end,
  }
}
