import { z } from 'zod'
import type { Ports } from '../../ports.ts'

const countsId = 'janitor'
const Counts = z.object({
  objectsRemoved: z.number().int().default(0),
  itemsWithoutObject: z.number().int().default(0),
  uploadsAborted: z.number().int().default(0),
})
/** Counts of the janitor since the start of this installation. */
export type JanitorCounts = z.infer<typeof Counts>

export async function readCounts(ports: Ports): Promise<JanitorCounts> {
  const doc = await ports.store.meta.get(countsId)
  return Counts.parse(doc ? JSON.parse(doc.json) : {})
}

export async function addCounts(ports: Ports, found: JanitorCounts): Promise<void> {
  if (Object.values(found).every((count) => count === 0)) return
  const at = ports.clock.now()
  await ports.store.meta.insert({ _id: countsId, rev: 1, at, json: '{}' })
  await ports.store.meta.change(countsId, (doc) => {
    const before = Counts.parse(JSON.parse(doc.json))
    const json = JSON.stringify({
      objectsRemoved: before.objectsRemoved + found.objectsRemoved,
      itemsWithoutObject: before.itemsWithoutObject + found.itemsWithoutObject,
      uploadsAborted: before.uploadsAborted + found.uploadsAborted,
    })
    return { ...doc, at, json }
  })
}
