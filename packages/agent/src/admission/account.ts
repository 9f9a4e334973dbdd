import type { Gpu } from '@millrace/shared'
import type { Seat } from './seat.ts'

/** How one memory stands, in bytes. `free` may be negative: somebody else took what was promised. */
export type Account = { foreign: number; promised: number; free: number }

/** What is measured of our own processes: bytes by seat id, as far as it is known. */
export type Measured = ReadonlyMap<number, number>

const isLoaded = ({ state }: Seat): boolean => state === 'busy' || state === 'idle' || state === 'leaving'

/**
 * How a GPU stands. What is promised to a process counts in full, whether it took it yet or not, and more if it took
 * more; what others use is the rest of what is used. `foreignBefore` is what others used when nothing of ours was
 * there: where the driver does not tell whose memory it is, loaded processes are taken to hold what they need.
 */
export function accountOfGpu(o: {
  gpu: Gpu
  seats: readonly Seat[]
  measured: Measured | null
  foreignBefore: number
  headroomBytes: number
}): Account {
  const held = (seat: Seat): number =>
    o.measured ? (o.measured.get(seat.id) ?? 0) : isLoaded(seat) ? seat.needs.vramBytes : 0
  const promised = sum(o.seats.map((seat) => Math.max(seat.needs.vramBytes, held(seat))))
  const left = (o.gpu.memoryUsed ?? 0) - sum(o.seats.map(held))
  const foreign = Math.max(0, left, o.measured ? 0 : o.foreignBefore)
  const total = o.gpu.memoryTotal - o.headroomBytes
  return { foreign, promised, free: total - foreign - promised }
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
