import type { Ports } from '../../ports.ts'
import type { QueuedTask } from '../../store/documents/queue.ts'
import { moduleSlot, openParked } from './slots.ts'

const parkedAtOnce = 500

/**
 * Parks a task under a full slot, with many others that need the same slot, so that a flood under one limit does not
 * slow down every claim. Opens them again if the slot got room meanwhile.
 */
export async function park(ports: Ports, task: QueuedTask, slot: string): Promise<void> {
  const alike =
    slot === moduleSlot(task.module) ? { module: task.module } : { concurrencyKey: task.concurrencyKey }
  const others = await ports.store.queue.find({ 'entry.state': 'open', ...alike }, { limit: parkedAtOnce })
  await ports.store.queue.changeMany([task, ...others.filter(({ _id }) => _id !== task._id)], (current) =>
    current.entry.state === 'open'
      ? { ...current, entry: { ...current.entry, state: 'parked', slot } }
      : null,
  )
  const now = await ports.store.slots.get(slot)
  if (now && now.holders.length < now.limit) await openParked(ports, slot)
}
