import type { RunId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { Holder, QueuedTask, SlotDoc } from '../../store/documents/queue.ts'
import { publishToken } from '../events/announce.ts'

/** Limits of what runs at once. A slot document lists the runs that hold it; it is full at `limit` holders. */

export const globalSlot = 'global'
export const moduleSlot = (module: string): string => `module:${module}`
export const keySlot = (key: string): string => `key:${key}`

/** The tick opens the rest. */
const openedAtOnce = 200

type Limited = { module: string; concurrencyKey: string | null }

/** The names of the slots of a task, in the order in which they are taken. */
const slotNames = ({ module, concurrencyKey }: Limited): string[] => [
  globalSlot,
  moduleSlot(module),
  ...(concurrencyKey === null ? [] : [keySlot(concurrencyKey)]),
]

/** `full`: it has no room. `duplicate`: the same claim holds it for another run. Both change nothing. */
export async function takeSlot(
  ports: Ports,
  slot: SlotDoc,
  holder: Holder,
): Promise<'taken' | 'full' | 'duplicate'> {
  let taken: 'taken' | 'full' | 'duplicate' = 'taken'
  await ports.store.slots.change(slot, (current) => {
    if (current.holders.some((one) => isDuplicate(one, holder))) taken = 'duplicate'
    else taken = current.holders.length >= current.limit ? 'full' : 'taken'
    return taken === 'taken' ? { ...current, holders: [...current.holders, holder] } : null
  })
  return taken
}

/** A claim that took its slots longer ago than this writes nothing more. */
export const claimPatienceMs = 10_000

const isDuplicate = (one: Holder, { claimId, agent, run, at }: Holder): boolean =>
  one.claimId === claimId &&
  one.agent === agent &&
  one.run !== run &&
  at.getTime() - one.at.getTime() <= claimPatienceMs

/** Takes the slots even beyond their limit, for an expired run that continues. */
export async function holdAnyway(ports: Ports, limited: Limited, holder: Holder): Promise<void> {
  for (const slot of await ports.store.slots.many(slotNames(limited))) {
    await ports.store.slots.change(slot, (current) =>
      current.holders.some((one) => one.run === holder.run)
        ? null
        : { ...current, holders: [...current.holders, holder] },
    )
  }
}

/** Removes the holders that match, and opens the best entries that were parked for the room. */
export async function release(
  ports: Ports,
  names: readonly string[],
  matches: (holder: Holder) => boolean,
): Promise<void> {
  for (const slot of await ports.store.slots.many(names)) {
    const change = await ports.store.slots.change(slot, (current) => {
      const holders = current.holders.filter((holder) => !matches(holder))
      return holders.length === current.holders.length ? null : { ...current, holders }
    })
    if (change && slot._id !== globalSlot) await openParked(ports, slot._id)
  }
}

export const releaseRun = (ports: Ports, limited: Limited, run: RunId): Promise<void> =>
  release(ports, slotNames(limited), (holder) => holder.run === run)

/** Opens the best entries that are parked under this slot, as many as it has room for; all if it was removed. */
export async function openParked(ports: Ports, name: string): Promise<void> {
  const slot = await ports.store.slots.get(name)
  const room = slot ? slot.limit - slot.holders.length : openedAtOnce
  if (room <= 0) return
  const best = await ports.store.queue.find(
    { 'entry.state': 'parked', 'entry.slot': name },
    { sort: { 'entry.rank': 1 }, limit: Math.min(room, openedAtOnce) },
  )
  for (const task of best) await openEntry(ports, task)
}

export async function openEntry(ports: Ports, task: QueuedTask): Promise<void> {
  const change = await ports.store.queue.change(task, (current) =>
    current.entry.state === 'parked'
      ? { ...current, entry: { ...current.entry, state: 'open', until: null, slot: null } }
      : null,
  )
  if (change) publishToken(ports, task.module)
}

/**
 * The slots that a claim of this task needs, in order. `known` are all but the slot of its concurrency key, which the
 * first claim creates.
 */
export async function slotsFor(
  ports: Ports,
  task: QueuedTask,
  known: readonly SlotDoc[],
): Promise<SlotDoc[]> {
  const ofKey = task.concurrencyKey === null ? null : await keySlotFor(ports, task.concurrencyKey, task)
  const all = ofKey ? [...known, ofKey] : known
  return slotNames(task).flatMap((name) => all.find((slot) => slot._id === name) ?? [])
}

async function keySlotFor(ports: Ports, key: string, task: QueuedTask): Promise<SlotDoc | null> {
  const limit = task.concurrencyLimit ?? 1
  const fresh: SlotDoc = { _id: keySlot(key), rev: 1, limit, holders: [] }
  if (await ports.store.slots.insert(fresh)) return fresh
  const change = await ports.store.slots.change(fresh._id, (slot) =>
    slot.limit === limit ? null : { ...slot, limit },
  )
  return change?.after ?? ports.store.slots.get(fresh._id)
}
