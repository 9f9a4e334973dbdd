import type { Gpu } from '@millrace/shared'
import type { GpuReading } from '../gpu/gpus.ts'
import { type Account, accountOfGpu, accountOfRam, sum } from './account.ts'
import { measureGpuMemory, measureRam } from './measure.ts'
import type { Needs, Seat } from './seat.ts'

export type BooksDeps = {
  reading(): GpuReading
  /** GPU memory that is left to the desktop, in bytes per GPU. */
  headroomBytes(): number
  ram(): { totalBytes: number; availableBytes: number }
}
export type Memory = 'ramBytes' | 'vramBytes'

/** How the memories of this machine stand, for whichever seats are asked about. */
export class Books {
  readonly #deps: BooksDeps
  /** What others used of each GPU when nothing of ours was there. */
  readonly #foreignBefore = new Map<string, number>()
  readonly #releasedAt = new Map<string, number>()
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
  capacityOf = (gpu: Gpu): number => Math.max(0, gpu.memoryTotal - this.#deps.headroomBytes())

  /** How a GPU stands with those of these seats that are on it. */
  onGpu(gpu: Gpu, seats: readonly Seat[]): Account {
    const { holds } = this.#deps.reading()
    const here = seats.filter((seat) => seat.gpu === gpu.uuid)
    return accountOfGpu({
      gpu,
      seats: here,
      measured: this.#canMeasure && holds ? measureGpuMemory(here, holds) : null,
      foreignBefore: this.#foreignBefore.get(gpu.uuid) ?? 0,
      headroomBytes: this.#deps.headroomBytes(),
    })
  }

  inRam(seats: readonly Seat[]): Account {
    return accountOfRam({ ...this.#deps.ram(), seats, measured: measureRam(seats) })
  }

  /** Bytes that are lacking for what is promised to these seats, beyond what is coming back already. */
  missing(what: Memory, gpu: Gpu | null, seats: readonly Seat[]): number {
    const here = gpu ? seats.filter((seat) => seat.gpu === gpu.uuid) : seats
    const leaving = sum(here.filter(({ state }) => state === 'leaving').map(({ needs }) => needs[what]))
    return -(gpu ? this.onGpu(gpu, here) : this.inRam(here)).free - leaving
  }

  /** Even without all seats of ours there would be no room for this one. */
  isHeldByOthers({ gpu: uuid, needs }: Seat, seats: readonly Seat[]): boolean {
    const gpu = this.gpu(uuid)
    if (gpu && this.capacityOf(gpu) - this.onGpu(gpu, seats).foreign < needs.vramBytes) return true
    const { free, promised } = this.inRam(seats)
    return needs.ramBytes > 0 && free + promised < needs.ramBytes
  }

  /** How many more with these needs fit beside the seats, if `spare` made way. */
  count(needs: Needs, seats: readonly Seat[], spare: readonly Seat[]): number {
    return Math.min(this.#countInRam(needs, seats, spare), this.#countOnGpus(needs, seats, spare))
  }

  /** A process of ours is gone: what the GPU was seen to hold before may still be its own. */
  released({ gpu }: Seat): void {
    if (gpu !== null) this.#releasedAt.set(gpu, performance.now())
  }

  /** Whether the GPU was looked at since the last process went. */
  isFresh = (gpu: Gpu): boolean => this.#deps.reading().at > (this.#releasedAt.get(gpu.uuid) ?? 0)

  /** The GPUs were looked at. */
  onReading(seats: readonly Seat[]): void {
    const { gpus, holds } = this.#deps.reading()
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
