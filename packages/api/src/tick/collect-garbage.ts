import { mapConcurrently } from '../concurrency/map-concurrently.ts'
import type { Deps } from '../deps.ts'
import type { ListedObject } from '../objects/objects.ts'
import { ownsBucket } from '../operations/bucket/bucket-owner.ts'
import { commonKeyRange, type KeyRange } from '../operations/bucket/common-key-range.ts'
import { findGarbage } from '../operations/bucket/find-garbage.ts'
import { addCounts } from '../operations/bucket/janitor-counts.ts'
import { failWithoutObject } from '../operations/bucket/lost-content.ts'
import type { DataDoc } from '../store/documents/data.ts'
import { sweep } from './sweep.ts'

const callsAtOnce = 16
const everyMs = 3600 * 1000
const atOnce = 1_000
const keysInLog = 20
const roots = ['incoming/', 'runs/'] as const

/**
 * The janitor holds bucket and database against each other, in the order of the keys: objects that nothing refers
 * to go, items whose object is not there fail. The first are left by crashes, and by URLs that outlive their item;
 * the second come of somebody else's hand in the store.
 */
export const collectGarbage = sweep('tidy-bucket', everyMs, async (deps: Deps, after) => {
  if (!(await ownsBucket(deps))) return null
  const { objects, items, end } = await readStretch(deps, after || roots[0])
  const objectsRemoved = await removeGarbage(deps, objects)
  const itemsWithoutObject = await failTheLost(deps, objects, items)
  await addCounts(deps, { objectsRemoved, itemsWithoutObject, uploadsAborted: 0 })
  return end
})

/** The next objects, and the items that say that theirs lies among them. */
async function readStretch(deps: Deps, after: string): Promise<KeyRange> {
  const root = after.startsWith(roots[1]) ? roots[1] : roots[0]
  const listed = await deps.objects.list(root, after, atOnce)
  const items = await deps.store.data.find(
    { object: { $gt: after, $lt: `${root}\uffff` } },
    { sort: { object: 1 }, limit: atOnce },
  )
  const stretch = commonKeyRange(listed, { items, more: items.length === atOnce })
  return { ...stretch, end: stretch.end ?? (root === roots[0] ? roots[1] : null) }
}

async function removeGarbage(deps: Deps, objects: readonly ListedObject[]): Promise<number> {
  const keys = await findGarbage(deps, objects)
  await mapConcurrently(callsAtOnce, keys, (key) => deps.objects.remove(key))
  if (keys.length > 0)
    deps.logger.info(
      { removed: keys.length, keys: keys.slice(0, keysInLog) },
      'objects that nothing refers to were removed',
    )
  return keys.length
}

async function failTheLost(
  deps: Deps,
  objects: readonly ListedObject[],
  items: readonly DataDoc[],
): Promise<number> {
  const there = new Set(objects.map(({ key }) => key))
  const missed = items.filter(({ object }) => object !== null && !there.has(object))
  let failed = 0
  await mapConcurrently(callsAtOnce, missed, async (item) => {
    if (!(await failWithoutObject(deps, item))) return
    failed += 1
    deps.logger.warn({ data: item._id, object: item.object }, 'an item failed: its object is not there')
  })
  return failed
}
