import type { Reservation } from './reservation.ts'

/** How one memory stands, in bytes. `free` may be negative: another program took what was promised. */
export type Account = { foreign: number; promised: number; free: number }

/** What is measured of our own processes: bytes by reservation id, as far as it is known. */
export type Measured = ReadonlyMap<number, number>

/** Its process was started, and had the time to take what it needs. */
export const isLoaded = ({ state }: Reservation): boolean =>
  state === 'busy' || state === 'idle' || state === 'leaving'

/**
 * How a GPU stands of which `usedBytes` are in use. What is promised to a process counts in full, whether it took it yet
 * or not, and more if it took more; what others use is the rest of what is used, and at least `foreignBytes`.
 */
export function accountOfGpu(o: {
  usedBytes: number
  /** Without what is left to the desktop. */
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

/** How the machine's memory stands; `availableBytes` is what the system would still give away. */
export function accountOfRam(o: {
  totalBytes: number
  availableBytes: number
  reservations: readonly Reservation[]
  measured: Measured
}): Account {
  const held = (reservation: Reservation): number =>
    o.measured.get(reservation.id) ?? (isLoaded(reservation) ? reservation.needs.ramBytes : 0)
  // Who declared nothing is not held to anything.
  const counted = o.reservations.filter((reservation) => reservation.needs.ramBytes > 0)
  const promised = sum(counted.map((reservation) => Math.max(reservation.needs.ramBytes, held(reservation))))
  const foreign = Math.max(0, o.totalBytes - o.availableBytes - sum(counted.map(held)))
  return { foreign, promised, free: o.totalBytes - foreign - promised }
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)
