import { mapConcurrently } from '../concurrency/map-concurrently.ts'
import type { ListedObject } from '../objects/objects.ts'
import { ownsBucket } from '../operations/bucket/bucket-owner.ts'
import { commonKeyRange, type KeyRange } from '../operations/bucket/common-key-range.ts'
import { findGarbage } from '../operations/bucket/find-garbage.ts'
import { addCounts } from '../operations/bucket/janitor-counts.ts'
import { failWithoutObject } from '../operations/bucket/lost-content.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { Ports } from '../ports.ts'
import type { DataDoc } from '../store/documents/data.ts'
import { sweep } from './sweep.ts'

const callsAtOnce = 16
const everyMs = 3600 * 1000
const atOnce = 1_000
const keysInLog = 20
const roots = ['incoming/', 'runs/'] as const

/**
 * Compares bucket and database in the order of the keys. Removes objects that no item refers to: crashes leave them, and
 * upload URLs that outlive their item. Fails items whose object another program removed from the store.
 */
export const collectGarbage = sweep('tidy-bucket', everyMs, async (ports: SettlePorts, after) => {
  if (!(await ownsBucket(ports))) return null
  const { objects, items, end } = await readStretch(ports, after || roots[0])
  const objectsRemoved = await removeGarbage(ports, objects)
  const itemsWithoutObject = await failTheLost(ports, objects, items)
  await addCounts(ports, { objectsRemoved, itemsWithoutObject, uploadsAborted: 0 })
  return end
})

/** The next objects, and the items that name an object among them. */
async function readStretch(ports: Ports, after: string): Promise<KeyRange> {
  const root = after.startsWith(roots[1]) ? roots[1] : roots[0]
  const listed = await ports.objects.list(root, after, atOnce)
  const items = await ports.store.data.find(
    { object: { $gt: after, $lt: `${root}\uffff` } },
    { sort: { object: 1 }, limit: atOnce },
  )
  const stretch = commonKeyRange(listed, { items, more: items.length === atOnce })
  return { ...stretch, end: stretch.end ?? (root === roots[0] ? roots[1] : null) }
}

async function removeGarbage(ports: Ports, objects: readonly ListedObject[]): Promise<number> {
  const keys = await findGarbage(ports, objects)
  await mapConcurrently(callsAtOnce, keys, (key) => ports.objects.remove(key))
  if (keys.length > 0)
    ports.logger.info(
      { removed: keys.length, keys: keys.slice(0, keysInLog) },
      'removed objects that no item refers to',
    )
  return keys.length
}

async function failTheLost(
  ports: SettlePorts,
  objects: readonly ListedObject[],
  items: readonly DataDoc[],
): Promise<number> {
  const there = new Set(objects.map(({ key }) => key))
  const missed = items.filter(({ object }) => object !== null && !there.has(object))
  let failed = 0
  await mapConcurrently(callsAtOnce, missed, async (item) => {
    if (!(await failWithoutObject(ports, item))) return
    failed += 1
    ports.logger.warn({ data: item._id, object: item.object }, 'an item failed: its object is missing')
  })
  return failed
}
