import type { Reservation } from './reservation.ts'

/** The account of one memory, in bytes. `free` is negative when another program uses promised memory. */
export type Account = { foreign: number; promised: number; free: number }

/** Measured bytes of the agent's processes, by reservation id, as far as known. */
export type Measured = ReadonlyMap<number, number>

/** Its process has loaded, so that it holds the memory that it needs. */
export const isLoaded = ({ state }: Reservation): boolean =>
  state === 'busy' || state === 'idle' || state === 'leaving'

/**
 * The account of a GPU with `usedBytes` in use. A reservation counts in full, or with its measured memory if that is
 * more; other programs use the rest, and at least `foreignBytes`.
 */
export function accountOfGpu(o: {
  usedBytes: number
  /** Without the memory reserved for the desktop. */
  capacityBytes: number
  foreignBytes: number
  reservations: readonly Reservation[]
  held(reservation: Reservation): number
}): Account {
  const promised = sum(
    o.reservations.map((reservation) => Math.max(reservation.needs.vramBytes, o.held(reservation))),
  )
  const foreign = Math.max(0, o.usedBytes - sum(o.reservations.map(o.held)), o.foreignBytes)
  return { foreign, promised, free: o.capacityBytes - foreign - promised }
}

/** The account of the machine's memory; `availableBytes` is what the system could still allocate. */
export function accountOfRam(o: {
  totalBytes: number
  availableBytes: number
  reservations: readonly Reservation[]
  measured: Measured
}): Account {
  const held = (reservation: Reservation): number =>
    o.measured.get(reservation.id) ?? (isLoaded(reservation) ? reservation.needs.ramBytes : 0)
  // Modules that declare no memory do not count.
  const counted = o.reservations.filter((reservation) => reservation.needs.ramBytes > 0)
  const promised = sum(counted.map((reservation) => Math.max(reservation.needs.ramBytes, held(reservation))))
  const foreign = Math.max(0, o.totalBytes - o.availableBytes - sum(counted.map(held)))
  return { foreign, promised, free: o.totalBytes - foreign - promised }
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)
