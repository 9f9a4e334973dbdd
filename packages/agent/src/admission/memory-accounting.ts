import type { Gpu } from '@millrace/shared/for-agents'
import type { GpuReading } from '../machine/gpu/gpus.ts'
import type { GpuHold } from '../machine/gpu/nvidia-smi.ts'
import { type Account, accountOfGpu, accountOfRam, isLoaded, type Measured, sum } from './account.ts'
import { measureGpuMemory, measureRam } from './measure.ts'
import type { Needs, Seat } from './reservation.ts'

export type BooksDeps = {
  reading(): GpuReading
  /** GPU memory that is left to the desktop, in bytes per GPU. */
  headroomBytes(): number
  ram(): { totalBytes: number; availableBytes: number }
}
/** So long after its process, memory may still count as used. */
const backWithinMs = 1500

export type Memory = 'ramBytes' | 'vramBytes'

/** How the memories of this machine stand, for whichever seats are asked about. */
export class Books {
  readonly #deps: BooksDeps
  /** What others used of each GPU when nothing of ours was there. */
  readonly #foreignBefore = new Map<string, number>()
  /** Processes of ours whose memory may still be on its way back. */
  #released: { gpu: string; bytes: number; at: number }[] = []
  /** The driver has told of a process of ours: what it does not tell of is not there. */
  #canMeasure = false

  constructor(deps: BooksDeps) {
    this.#deps = deps
  }

  get gpus(): Gpu[] {
    return this.#deps.reading().gpus
  }

  gpu(uuid: string | null): Gpu | undefined {
    return this.gpus.find((gpu) => gpu.uuid === uuid)
  }

  /** The most that runs may have of a GPU. */
  capacityOf = (gpu: Gpu): number => Math.max(0, this.#afterHeadroom(gpu))

  /** A GPU whose memory nobody knows shares that of the machine: such are integrated ones. */
  #afterHeadroom = (gpu: Gpu): number =>
    (gpu.memoryTotal || this.#deps.ram().totalBytes) - this.#deps.headroomBytes()

  /** It was there when room on it was promised. */
  isLost = ({ gpu }: Seat): boolean => gpu !== null && this.gpu(gpu) === undefined

  /** How a GPU stands with those of these seats that are on it: there is certainly so much free. */
  onGpu(gpu: Gpu, seats: readonly Seat[]): Account {
    const { holds } = this.#deps.reading()
    const here = seats.filter((seat) => seat.gpu === gpu.uuid)
    const measured = this.#measure(here, holds)
    return accountOfGpu({
      usedBytes: gpu.memoryUsed ?? 0,
      capacityBytes: this.#afterHeadroom(gpu),
      // Where the driver does not tell whose memory it is, what others used when nothing of ours was there.
      foreignBytes: measured ? 0 : (this.#foreignBefore.get(gpu.uuid) ?? 0),
      seats: here,
      held: (seat) => (measured ? (measured.get(seat.id) ?? 0) : isLoaded(seat) ? seat.needs.vramBytes : 0),
    })
  }

  /**
   * The same, where nobody has to go for a mistake: what ours may have taken while the GPU was looked at is no other
   * program's, nor what those that are gone have not given back yet.
   */
  #onGpuAtBest(gpu: Gpu, seats: readonly Seat[]): Account {
    const { holds, holdsAfter } = this.#deps.reading()
    const here = seats.filter((seat) => seat.gpu === gpu.uuid)
    const [before, after] = [this.#measure(here, holds), this.#measure(here, holdsAfter)]
    return accountOfGpu({
      usedBytes: (gpu.memoryUsed ?? 0) - this.#bytesOnTheWayBack(gpu),
      capacityBytes: this.#afterHeadroom(gpu),
      foreignBytes: before ? 0 : (this.#foreignBefore.get(gpu.uuid) ?? 0),
      seats: here,
      held: ({ id, pid, needs }) =>
        before ? Math.max(before.get(id) ?? 0, after?.get(id) ?? 0) : pid === null ? 0 : needs.vramBytes,
    })
  }

  /** Bytes by seat; `null` where the driver does not tell. */
  #measure = (seats: readonly Seat[], holds: readonly GpuHold[] | null): Measured | null =>
    this.#canMeasure && holds ? measureGpuMemory(seats, holds) : null

  inRam(seats: readonly Seat[]): Account {
    return accountOfRam({ ...this.#deps.ram(), seats, measured: measureRam(seats) })
  }

  /** Bytes that are lacking for what is promised to these seats, beyond what is coming back already. */
  missing(what: Memory, gpu: Gpu | null, seats: readonly Seat[]): number {
    const here = gpu ? seats.filter((seat) => seat.gpu === gpu.uuid) : seats
    const leaving = sum(here.filter(({ state }) => state === 'leaving').map(({ needs }) => needs[what]))
    return -(gpu ? this.#onGpuAtBest(gpu, here) : this.inRam(here)).free - leaving
  }

  /** Even without all seats of ours there would be no room for this one. */
  isHeldByOthers(seat: Seat, seats: readonly Seat[]): boolean {
    const { gpu: uuid, needs } = seat
    const gpu = this.gpu(uuid)
    if (this.isLost(seat)) return true
    if (gpu && this.capacityOf(gpu) - this.onGpu(gpu, seats).foreign < needs.vramBytes) return true
    const { free, promised } = this.inRam(seats)
    return needs.ramBytes > 0 && free + promised < needs.ramBytes
  }

  /** How many more with these needs fit beside the seats, if `spare` made way. */
  count(needs: Needs, seats: readonly Seat[], spare: readonly Seat[]): number {
    return Math.min(this.#countInRam(needs, seats, spare), this.#countOnGpus(needs, seats, spare))
  }

  /** A process of ours is gone: what the GPU was seen to hold before may still be its own. */
  released({ gpu, pid, peakVramBytes, needs }: Seat): void {
    if (gpu === null) return
    const bytes = pid === null ? 0 : (peakVramBytes ?? needs.vramBytes)
    this.#released.push({ gpu, bytes, at: performance.now() })
  }

  /** Whether the GPU was looked at since the last process went. */
  isFresh = ({ uuid }: Gpu): boolean =>
    this.#released.every(({ gpu, at }) => gpu !== uuid || at < this.#deps.reading().at)

  #bytesOnTheWayBack = ({ uuid }: Gpu): number =>
    sum(this.#released.map(({ gpu, bytes }) => (gpu === uuid ? bytes : 0)))

  /** The GPUs were looked at. */
  onReading(seats: readonly Seat[]): void {
    const { gpus, holds, at: lookedAt } = this.#deps.reading()
    this.#released = this.#released.filter(({ at }) => lookedAt < at + backWithinMs)
    this.#canMeasure ||= measureGpuMemory(seats, holds ?? []).size > 0
    for (const gpu of gpus) {
      const used = gpu.memoryUsed ?? 0
      const isOurs = seats.some((seat) => seat.gpu === gpu.uuid)
      const isLess = used < (this.#foreignBefore.get(gpu.uuid) ?? 0)
      if ((!isOurs && this.isFresh(gpu)) || isLess) this.#foreignBefore.set(gpu.uuid, used)
    }
  }

  notePeaks(seats: readonly Seat[]): void {
    const measured = measureGpuMemory(seats, this.#deps.reading().holds ?? [])
    for (const seat of seats) {
      const held = measured.get(seat.id)
      if (held !== undefined) seat.peakVramBytes = Math.max(seat.peakVramBytes ?? 0, held)
    }
  }

  #countInRam(needs: Needs, seats: readonly Seat[], spare: readonly Seat[]): number {
    if (needs.ramBytes === 0) return Number.POSITIVE_INFINITY
    return howOften(needs.ramBytes, this.inRam(seats).free + sum(spare.map((seat) => seat.needs.ramBytes)))
  }

  #countOnGpus(needs: Needs, seats: readonly Seat[], spare: readonly Seat[]): number {
    if (!needs.usesGpu) return Number.POSITIVE_INFINITY
    return sum(
      this.gpus.map((gpu) => {
        const here = seats.filter((seat) => seat.gpu === gpu.uuid)
        if (needs.vramBytes === 0) return here.some(({ isAlone }) => isAlone) ? 0 : Number.POSITIVE_INFINITY
        const back = sum(spare.map((seat) => (seat.gpu === gpu.uuid ? seat.needs.vramBytes : 0)))
        return howOften(Math.min(needs.vramBytes, this.capacityOf(gpu)), this.onGpu(gpu, here).free + back)
      }),
    )
  }
}

const howOften = (bytes: number, room: number): number => Math.max(0, Math.floor(room / bytes))
