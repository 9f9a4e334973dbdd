import type { Offer } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { SlotDoc } from '../../store/documents/queue.ts'
import { type Picked, pickTask } from './pick.ts'
import { globalSlot, moduleSlot } from './slots.ts'

const entriesAtOnce = 50

/** Reads the best task for these offers, and the slots of the limits that apply to it. */
export async function readQueue(
  ports: Ports,
  offers: readonly Offer[],
  passed: ReadonlySet<string>,
): Promise<{ best: Picked | null; slots: SlotDoc[] }> {
  const modules = [...new Set(offers.map((offer) => moduleSlot(offer.module)))]
  const [best, slots] = await Promise.all([
    bestTask(ports, offers, passed),
    ports.store.slots.many([globalSlot, ...modules]),
  ])
  return { best, slots }
}

/** The best task that fits; or, when a more urgent one has no room, the module to reserve room for. */
async function bestTask(
  ports: Ports,
  offers: readonly Offer[],
  passed: ReadonlySet<string>,
): Promise<Picked | null> {
  const open = (some: readonly Offer[]) => {
    const modules = [...new Set(some.map((offer) => offer.module))]
    if (modules.length === 0) return []
    const filter = {
      'entry.state': 'open' as const,
      module: modules.length === 1 ? modules[0] : { $in: modules },
    }
    return ports.store.queue.find(filter, { sort: { 'entry.rank': 1 }, limit: entriesAtOnce + passed.size })
  }
  const roomy = offers.filter((offer) => offer.max > 0)
  const cramped = offers.filter((offer) => offer.max === 0)
  const [fitting, waiting] = await Promise.all([open(roomy), open(cramped)])
  return pickTask({ fitting, waiting, roomy, cramped, passed })
}
