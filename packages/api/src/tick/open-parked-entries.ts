import { openEntry, openParked } from '../operations/queue/slots.ts'
import type { Ports } from '../ports.ts'

const atOnce = 200

/** Opens the entries whose time has come, and those parked under a slot that has room again. */
export async function openParkedEntries(ports: Ports): Promise<void> {
  const due = await ports.store.queue.find(
    { 'entry.state': 'parked', 'entry.until': { $lte: ports.clock.now() } },
    { limit: atOnce },
  )
  for (const task of due) await openEntry(ports, task)

  const parked = await ports.store.queue.find(
    { 'entry.state': 'parked', 'entry.slot': { $type: 'string' } },
    { limit: atOnce },
  )
  const names = [...new Set(parked.flatMap(({ entry }) => entry.slot ?? []))]
  const slots = await ports.store.slots.many(names)
  const gone = names.filter((name) => !slots.some((slot) => slot._id === name))
  for (const name of gone) await openParked(ports, name)
  for (const slot of slots) if (slot.holders.length < slot.limit) await openParked(ports, slot._id)
}
