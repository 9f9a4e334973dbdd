import type { Deps } from '../deps.ts'
import { openEntry, openParked } from '../operations/queue/slots.ts'

const atOnce = 200

/** Entries whose time has come, and those parked under a slot that has room again. */
export async function openParkedEntries(deps: Deps): Promise<void> {
  const due = await deps.store.queue.find(
    { state: 'parked', until: { $lte: deps.clock.now() } },
    { limit: atOnce },
  )
  for (const entry of due) await openEntry(deps, entry)

  const parked = await deps.store.queue.find(
    { state: 'parked', slot: { $type: 'string' } },
    { limit: atOnce },
  )
  const names = [...new Set(parked.flatMap((entry) => entry.slot ?? []))]
  const slots = await deps.store.slots.many(names)
  const gone = names.filter((name) => !slots.some((slot) => slot._id === name))
  for (const name of gone) await openParked(deps, name)
  for (const slot of slots) if (slot.holders.length < slot.limit) await openParked(deps, slot._id)
}
