import type { Ports } from '../../ports.ts'
import type { QueueDoc } from '../../store/documents/queue.ts'
import { moduleSlot, openParked } from './slots.ts'

const parkedAtOnce = 500

/**
 * Parks an entry under a full slot, with many others that need the same slot, so that a flood under one limit does not
 * slow down every claim. Opens them again if the slot got room meanwhile.
 */
export async function park(ports: Ports, entry: QueueDoc, slot: string): Promise<void> {
  const alike =
    slot === moduleSlot(entry.module) ? { module: entry.module } : { concurrencyKey: entry.concurrencyKey }
  const others = await ports.store.queue.find({ state: 'open', ...alike }, { limit: parkedAtOnce })
  await ports.store.queue.changeMany([entry, ...others.filter(({ _id }) => _id !== entry._id)], (current) =>
    current.state === 'open' ? { ...current, state: 'parked', slot } : null,
  )
  const now = await ports.store.slots.get(slot)
  if (now && now.holders.length < now.limit) await openParked(ports, slot)
}
