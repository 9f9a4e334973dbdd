import { parseRunId } from '@millrace/shared'
import { placeOf } from '../../objects/keys.ts'
import type { ListedObject } from '../../objects/objects.ts'
import type { Ports } from '../../ports.ts'
import { judgeObject, type Known, safeAgeMs } from './judge-object.ts'

const atOnce = 100

/** The keys of objects that no document refers to, now or later. */
export async function findGarbage(ports: Ports, objects: readonly ListedObject[]): Promise<string[]> {
  const now = ports.clock.now()
  const old = objects.filter(({ lastModified }) => now.getTime() - lastModified.getTime() >= safeAgeMs)
  const garbage: string[] = []
  for (let at = 0; at < old.length; at += atOnce) {
    const some = old.slice(at, at + atOnce)
    const known = await lookUp(ports, some)
    garbage.push(...some.filter((one) => judgeObject(one, known, now) === 'garbage').map(({ key }) => key))
  }
  return garbage
}

/** Reads tasks before items: a task that has ended by now has all its outputs when the items are read. */
async function lookUp(ports: Ports, objects: readonly ListedObject[]): Promise<Known> {
  const keys = objects.map(({ key }) => key)
  const places = keys.map(placeOf).filter((place) => place !== null)
  const runIds = places.flatMap((place) => (place.kind === 'run' ? [place.run] : []))
  const [runs, tasks] = await Promise.all([
    ports.store.runs.many([...new Set(runIds)]),
    ports.store.tasks.many([...new Set(runIds.map((run) => parseRunId(run).task))]),
  ])
  const itemIds = places.flatMap((place) => (place.kind === 'incoming' ? [place.item] : []))
  const [naming, items] = await Promise.all([
    ports.store.data.find({ object: { $in: keys } }, { limit: keys.length }),
    ports.store.data.many([...new Set(itemIds)]),
  ])
  return {
    named: new Set([...naming, ...items].flatMap((item) => item.object ?? [])),
    items: new Map(items.map((item) => [item._id, item])),
    tasks: new Map(tasks.map((task) => [task._id, task])),
    runs: new Set(runs.filter((run) => run.archive !== 'removed').map((run) => run._id)),
  }
}
