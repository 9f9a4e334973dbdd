import type { Seat } from './reservation.ts'

/** How one memory stands, in bytes. `free` may be negative: somebody else took what was promised. */
export type Account = { foreign: number; promised: number; free: number }

/** What is measured of our own processes: bytes by seat id, as far as it is known. */
export type Measured = ReadonlyMap<number, number>

/** Its process was started, and had the time to take what it needs. */
export const isLoaded = ({ state }: Seat): boolean =>
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
  seats: readonly Seat[]
  held(seat: Seat): number
}): Account {
  const promised = sum(o.seats.map((seat) => Math.max(seat.needs.vramBytes, o.held(seat))))
  const foreign = Math.max(0, o.usedBytes - sum(o.seats.map(o.held)), o.foreignBytes)
  return { foreign, promised, free: o.capacityBytes - foreign - promised }
}

/** How the machine's memory stands; `availableBytes` is what the system would still give away. */
export function accountOfRam(o: {
  totalBytes: number
  availableBytes: number
  seats: readonly Seat[]
  measured: Measured
}): Account {
  const held = (seat: Seat): number => o.measured.get(seat.id) ?? (isLoaded(seat) ? seat.needs.ramBytes : 0)
  // Who declared nothing is not held to anything.
  const counted = o.seats.filter((seat) => seat.needs.ramBytes > 0)
  const promised = sum(counted.map((seat) => Math.max(seat.needs.ramBytes, held(seat))))
  const foreign = Math.max(0, o.totalBytes - o.availableBytes - sum(counted.map(held)))
  return { foreign, promised, free: o.totalBytes - foreign - promised }
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)
