import type { Ports } from '../../ports.ts'
import type { QueueDoc } from '../../store/documents/queue.ts'
import { moduleSlot, openParked } from './slots.ts'

const parkedAtOnce = 500

/**
 * Waits under a full slot, unless room came while nobody was looking; and so do many others that need it too, so
 * that a flood under one limit does not stand before everything else, claim after claim.
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
