import type { Gpu } from '@millrace/shared/for-agents'
import type { GpuReading } from '../machine/gpu/gpus.ts'
import type { GpuHold } from '../machine/gpu/nvidia-smi.ts'
import { type Account, accountOfGpu, accountOfRam, isLoaded, type Measured, sum } from './account.ts'
import { measureGpuMemory, measureRam } from './measure.ts'
import type { Needs, Reservation } from './reservation.ts'

export type MemoryAccountingDeps = {
  reading(): GpuReading
  /** GPU memory that is left to the desktop, in bytes per GPU. */
  headroomBytes(): number
  ram(): { totalBytes: number; availableBytes: number }
}
/** Memory may still count as used this long after its process. */
const backWithinMs = 1500

export type MemoryKind = 'ramBytes' | 'vramBytes'

/** How the memories of this machine stand, for whichever reservations are asked about. */
export class MemoryAccounting {
  readonly #deps: MemoryAccountingDeps
  /** What others used of each GPU when nothing of ours was there. */
  readonly #foreignBefore = new Map<string, number>()
  /** Processes of ours whose memory may still be on its way back. */
  #released: { gpu: string; bytes: number; at: number }[] = []
  /** The driver has listed one of our processes: what it does not list does not exist. */
  #canMeasure = false

  constructor(deps: MemoryAccountingDeps) {
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

  /** An integrated GPU shares the machine's memory; the driver reports none. */
  #afterHeadroom = (gpu: Gpu): number =>
    (gpu.memoryTotal || this.#deps.ram().totalBytes) - this.#deps.headroomBytes()

  /** It was there when room on it was promised. */
  isLost = ({ gpu }: Reservation): boolean => gpu !== null && this.gpu(gpu) === undefined

  /** How a GPU stands with those of these reservations that are on it: there is certainly so much free. */
  onGpu(gpu: Gpu, reservations: readonly Reservation[]): Account {
    const { holds } = this.#deps.reading()
    const here = reservations.filter((reservation) => reservation.gpu === gpu.uuid)
    const measured = this.#measure(here, holds)
    return accountOfGpu({
      usedBytes: gpu.memoryUsed ?? 0,
      capacityBytes: this.#afterHeadroom(gpu),
      // Where the driver does not tell whose memory it is, what others used when nothing of ours was there.
      foreignBytes: measured ? 0 : (this.#foreignBefore.get(gpu.uuid) ?? 0),
      reservations: here,
      held: (reservation) =>
        measured
          ? (measured.get(reservation.id) ?? 0)
          : isLoaded(reservation)
            ? reservation.needs.vramBytes
            : 0,
    })
  }

  /**
   * The same, but not a reason to evict: what ours may have taken while the GPU was looked at is no other
   * program's, nor what those that are gone have not given back yet.
   */
  #onGpuAtBest(gpu: Gpu, reservations: readonly Reservation[]): Account {
    const { holds, holdsAfter } = this.#deps.reading()
    const here = reservations.filter((reservation) => reservation.gpu === gpu.uuid)
    const [before, after] = [this.#measure(here, holds), this.#measure(here, holdsAfter)]
    return accountOfGpu({
      usedBytes: (gpu.memoryUsed ?? 0) - this.#bytesOnTheWayBack(gpu),
      capacityBytes: this.#afterHeadroom(gpu),
      foreignBytes: before ? 0 : (this.#foreignBefore.get(gpu.uuid) ?? 0),
      reservations: here,
      held: ({ id, pid, needs }) =>
        before ? Math.max(before.get(id) ?? 0, after?.get(id) ?? 0) : pid === null ? 0 : needs.vramBytes,
    })
  }

  /** Bytes by reservation; `null` where the driver does not tell. */
  #measure = (reservations: readonly Reservation[], holds: readonly GpuHold[] | null): Measured | null =>
    this.#canMeasure && holds ? measureGpuMemory(reservations, holds) : null

  inRam(reservations: readonly Reservation[]): Account {
    return accountOfRam({ ...this.#deps.ram(), reservations, measured: measureRam(reservations) })
  }

  /** Bytes that are lacking for what is promised to these reservations, beyond what is coming back already. */
  missing(what: MemoryKind, gpu: Gpu | null, reservations: readonly Reservation[]): number {
    const here = gpu ? reservations.filter((reservation) => reservation.gpu === gpu.uuid) : reservations
    const leaving = sum(here.filter(({ state }) => state === 'leaving').map(({ needs }) => needs[what]))
    return -(gpu ? this.#onGpuAtBest(gpu, here) : this.inRam(here)).free - leaving
  }

  /** Even without all reservations of ours there would be no room for this one. */
  isHeldByOthers(reservation: Reservation, reservations: readonly Reservation[]): boolean {
    const { gpu: uuid, needs } = reservation
    const gpu = this.gpu(uuid)
    if (this.isLost(reservation)) return true
    if (gpu && this.capacityOf(gpu) - this.onGpu(gpu, reservations).foreign < needs.vramBytes) return true
    const { free, promised } = this.inRam(reservations)
    return needs.ramBytes > 0 && free + promised < needs.ramBytes
  }

  /** How many more with these needs fit next to the reservations, if `spare` made way. */
  count(needs: Needs, reservations: readonly Reservation[], spare: readonly Reservation[]): number {
    return Math.min(
      this.#countInRam(needs, reservations, spare),
      this.#countOnGpus(needs, reservations, spare),
    )
  }

  /** A process of ours is gone: what the GPU was seen to hold before may still be its own. */
  released({ gpu, pid, peakVramBytes, needs }: Reservation): void {
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
  onReading(reservations: readonly Reservation[]): void {
    const { gpus, holds, at: lookedAt } = this.#deps.reading()
    this.#released = this.#released.filter(({ at }) => lookedAt < at + backWithinMs)
    this.#canMeasure ||= measureGpuMemory(reservations, holds ?? []).size > 0
    for (const gpu of gpus) {
      const used = gpu.memoryUsed ?? 0
      const isOurs = reservations.some((reservation) => reservation.gpu === gpu.uuid)
      const isLess = used < (this.#foreignBefore.get(gpu.uuid) ?? 0)
      if ((!isOurs && this.isFresh(gpu)) || isLess) this.#foreignBefore.set(gpu.uuid, used)
    }
  }

  notePeaks(reservations: readonly Reservation[]): void {
    const measured = measureGpuMemory(reservations, this.#deps.reading().holds ?? [])
    for (const reservation of reservations) {
      const held = measured.get(reservation.id)
      if (held !== undefined) reservation.peakVramBytes = Math.max(reservation.peakVramBytes ?? 0, held)
    }
  }

  #countInRam(needs: Needs, reservations: readonly Reservation[], spare: readonly Reservation[]): number {
    if (needs.ramBytes === 0) return Number.POSITIVE_INFINITY
    return howOften(
      needs.ramBytes,
      this.inRam(reservations).free + sum(spare.map((reservation) => reservation.needs.ramBytes)),
    )
  }

  #countOnGpus(needs: Needs, reservations: readonly Reservation[], spare: readonly Reservation[]): number {
    if (!needs.usesGpu) return Number.POSITIVE_INFINITY
    return sum(
      this.gpus.map((gpu) => {
        const here = reservations.filter((reservation) => reservation.gpu === gpu.uuid)
        if (needs.vramBytes === 0) return here.some(({ isAlone }) => isAlone) ? 0 : Number.POSITIVE_INFINITY
        const back = sum(
          spare.map((reservation) => (reservation.gpu === gpu.uuid ? reservation.needs.vramBytes : 0)),
        )
        return howOften(Math.min(needs.vramBytes, this.capacityOf(gpu)), this.onGpu(gpu, here).free + back)
      }),
    )
  }
}

const howOften = (bytes: number, room: number): number => Math.max(0, Math.floor(room / bytes))
