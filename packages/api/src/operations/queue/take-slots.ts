import type { Ports } from '../../ports.ts'
import type { Holder, SlotDoc } from '../../store/documents/queue.ts'
import { globalSlot, release, takeSlot } from './slots.ts'

/** The names of the slots that were taken; `full`: the one without room; `isDuplicate`: the same claim took one before. */
type Taken = { held: string[]; full: string | null; isDuplicate: boolean }

/** Takes the slots in their order, up to the first one that is full, or that a duplicate claim took first. */
export async function takeSlots(ports: Ports, slots: readonly SlotDoc[], holder: Holder): Promise<Taken> {
  const held: string[] = []
  for (const slot of slots) {
    const taken = await takeSlot(ports, slot, holder)
    if (taken !== 'taken')
      return { held, full: taken === 'full' ? slot._id : null, isDuplicate: taken === 'duplicate' }
    held.push(slot._id)
    ports.failpoint(slot._id === globalSlot ? 'claim.global-slot-taken' : 'claim.module-slot-taken')
  }
  return { held, full: null, isDuplicate: false }
}

/** Releases what a claim took that assigned no run. */
export const releaseSlots = (ports: Ports, holder: Holder, held: readonly string[]): Promise<void> =>
  release(ports, held, (one) => one.run === holder.run && one.attempt === holder.attempt)
