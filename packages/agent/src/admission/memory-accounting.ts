import type { Gpu } from '@millrace/shared/for-agents'
import type { GpuReading } from '../machine/gpu/gpus.ts'
import type { GpuHold } from '../machine/gpu/nvidia-smi.ts'
import { type Account, accountOfGpu, accountOfRam, isLoaded, type Measured, sum } from './account.ts'
import { measureGpuMemory, measureRam } from './measure.ts'
import type { Needs, Reservation } from './reservation.ts'

export type MemoryAccountingDeps = {
  reading(): GpuReading
  /** GPU memory reserved for the desktop, in bytes per GPU. */
  headroomBytes(): number
  ram(): { totalBytes: number; availableBytes: number }
}
/** Memory may still count as used this long after its process. */
const backWithinMs = 1500

export type MemoryKind = 'ramBytes' | 'vramBytes'

/** Computes used, promised and free memory of this machine for given reservations. */
export class MemoryAccounting {
  readonly #deps: MemoryAccountingDeps
  /** Memory that other programs used on each GPU when this agent used none. */
  readonly #foreignBefore = new Map<string, number>()
  /** Ended processes of this agent whose memory may not be free yet. */
  #released: { gpu: string; bytes: number; at: number }[] = []
  /** True once the driver has listed a process of this agent, so that its lists are complete. */
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

  /** Whether its GPU has disappeared since the reservation. */
  isLost = ({ gpu }: Reservation): boolean => gpu !== null && this.gpu(gpu) === undefined

  /** The account of a GPU with those of these reservations that are on it. Its free bytes are certainly free. */
  onGpu(gpu: Gpu, reservations: readonly Reservation[]): Account {
    const { holds } = this.#deps.reading()
    const here = reservations.filter((reservation) => reservation.gpu === gpu.uuid)
    const measured = this.#measure(here, holds)
    return accountOfGpu({
      usedBytes: gpu.memoryUsed ?? 0,
      capacityBytes: this.#afterHeadroom(gpu),
      // If the driver does not report owners: what others used when this agent used nothing.
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
   * The same account for evictions, which must not count this agent's memory as another program's: allocations during
   * the reading, and memory of ended processes that is not free yet.
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

  /** Bytes by reservation; `null` where the driver does not report them. */
  #measure = (reservations: readonly Reservation[], holds: readonly GpuHold[] | null): Measured | null =>
    this.#canMeasure && holds ? measureGpuMemory(reservations, holds) : null

  inRam(reservations: readonly Reservation[]): Account {
    return accountOfRam({ ...this.#deps.ram(), reservations, measured: measureRam(reservations) })
  }

  /** Bytes that these reservations lack, beyond those that ending processes will free. */
  missing(what: MemoryKind, gpu: Gpu | null, reservations: readonly Reservation[]): number {
    const here = gpu ? reservations.filter((reservation) => reservation.gpu === gpu.uuid) : reservations
    const leaving = sum(here.filter(({ state }) => state === 'leaving').map(({ needs }) => needs[what]))
    return -(gpu ? this.#onGpuAtBest(gpu, here) : this.inRam(here)).free - leaving
  }

  /** Whether this reservation would not fit even without the agent's other reservations. */
  isHeldByOthers(reservation: Reservation, reservations: readonly Reservation[]): boolean {
    const { gpu: uuid, needs } = reservation
    const gpu = this.gpu(uuid)
    if (this.isLost(reservation)) return true
    if (gpu && this.capacityOf(gpu) - this.onGpu(gpu, reservations).foreign < needs.vramBytes) return true
    const { free, promised } = this.inRam(reservations)
    return needs.ramBytes > 0 && free + promised < needs.ramBytes
  }

  /** How many more runs with these needs fit next to the reservations if `spare` were evicted. */
  count(needs: Needs, reservations: readonly Reservation[], spare: readonly Reservation[]): number {
    return Math.min(
      this.#countInRam(needs, reservations, spare),
      this.#countOnGpus(needs, reservations, spare),
    )
  }

  /** A process has ended; the last reading may still include its memory. */
  released({ gpu, pid, peakVramBytes, needs }: Reservation): void {
    if (gpu === null) return
    const bytes = pid === null ? 0 : (peakVramBytes ?? needs.vramBytes)
    this.#released.push({ gpu, bytes, at: performance.now() })
  }

  /** Whether the reading is newer than the end of the last process. */
  isFresh = ({ uuid }: Gpu): boolean =>
    this.#released.every(({ gpu, at }) => gpu !== uuid || at < this.#deps.reading().at)

  #bytesOnTheWayBack = ({ uuid }: Gpu): number =>
    sum(this.#released.map(({ gpu, bytes }) => (gpu === uuid ? bytes : 0)))

  /** Updates the accounting from a new reading. */
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
