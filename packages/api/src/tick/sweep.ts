import { z } from 'zod'
import type { Ports } from '../ports.ts'

/** After this time another process takes over a step whose process died or failed. */
const stepLastsMs = 60_000

const Place = z.object({
  after: z.string().nullable().describe('where the next step continues; null: the scan is complete'),
  beganAt: z.coerce.date(),
  isBusy: z.boolean(),
})

/**
 * A job that scans a whole collection or bucket, a bounded step at each tick, in one process at a time; it starts again
 * `everyMs` after its start. A step gets the position where the last one ended and returns its own, `null` at the end,
 * so that entries that cannot be handled never block later ones.
 */
export const sweep =
  <P extends Ports>(
    name: string,
    everyMs: number,
    step: (ports: P, after: string) => Promise<string | null>,
  ) =>
  async (ports: P): Promise<void> => {
    const id = `sweep:${name}`
    const begun = await begin(ports, id, everyMs)
    if (!begun) return
    const after = await step(ports, begun.after ?? '')
    const at = ports.clock.now()
    await ports.store.meta.change(id, (doc) =>
      doc.rev === begun.rev
        ? { ...doc, at, json: JSON.stringify({ after, beganAt: begun.beganAt, isBusy: false }) }
        : null,
    )
  }

type Begun = { after: string | null; beganAt: Date; rev: number }

/** `null`: it is not due, or another process is working on it. */
async function begin(ports: Ports, id: string, everyMs: number): Promise<Begun | null> {
  const at = ports.clock.now()
  const fresh = { after: null, beganAt: at, isBusy: true }
  if (!(await ports.store.meta.get(id))) {
    const inserted = await ports.store.meta.insert({ _id: id, rev: 1, at, json: JSON.stringify(fresh) })
    return inserted ? { ...fresh, rev: 1 } : null
  }
  const change = await ports.store.meta.change(id, (doc) => {
    const place = Place.parse(JSON.parse(doc.json))
    if (place.isBusy && at.getTime() - doc.at.getTime() < stepLastsMs) return null
    if (place.after !== null) return { ...doc, at, json: JSON.stringify({ ...place, isBusy: true }) }
    const isDue = place.isBusy || at.getTime() - place.beganAt.getTime() >= everyMs
    return isDue ? { ...doc, at, json: JSON.stringify(fresh) } : null
  })
  if (!change) return null
  const { after, beganAt } = Place.parse(JSON.parse(change.after.json))
  return { after, beganAt, rev: change.after.rev }
}
