import type { Gpu } from '@millrace/shared/for-agents'
import { sum } from './account.ts'
import { cheapestToEvict, type Evictable } from './cheapest-to-evict.ts'
import type { MemoryAccounting, MemoryKind } from './memory-accounting.ts'
import type { Needs, Reservation } from './reservation.ts'

export type EvictorDeps = {
  accounting: MemoryAccounting
  idle(): Reservation[]
  /** The cost of loading a module again, weighted by its use. */
  costOf(key: string): number
  /** Chooses the idle processes to evict; the cheapest by default, another rule for comparisons. */
  choose?(idle: readonly Evictable[], bytes: number): Evictable[] | null
  evict(reservation: Reservation): void
}

/** Chooses the idle processes to evict, and the GPU where that costs least. */
export class Evictor {
  readonly #deps: EvictorDeps

  constructor(deps: EvictorDeps) {
    this.#deps = deps
  }

  /** The GPU on which evictions cost least; among equals, the one with the most unreserved memory. */
  chooseGpu(needs: Needs, key: string, promised: readonly Reservation[]): Gpu | undefined {
    const { accounting, idle } = this.#deps
    const rated = accounting.gpus.map((gpu) => {
      const { free } = accounting.onGpu(gpu, promised)
      const others = idle().filter((reservation) => reservation.gpu === gpu.uuid && reservation.key !== key)
      const evicted = this.#choose('vramBytes', others, needs.vramBytes - free)
      const cost = evicted ? sum(evicted.map(this.#costOf)) : Number.POSITIVE_INFINITY
      return { gpu, free, cost }
    })
    return rated.toSorted((a, b) => (a.cost === b.cost ? b.free - a.free : a.cost - b.cost))[0]?.gpu
  }

  /** Evicts idle processes so that these reservations fit, the last of which is the requester. */
  makeRoomFor(reservation: Reservation, reservations: readonly Reservation[]): void {
    if (reservation.needs.ramBytes > 0) this.evictFor('ramBytes', null, reservations)
    const gpu = this.#deps.accounting.gpu(reservation.gpu)
    if (gpu) this.evictFor('vramBytes', gpu, reservations)
  }

  /** The same for one memory, if enough can be freed there. */
  evictFor(what: MemoryKind, gpu: Gpu | null, reservations: readonly Reservation[]): void {
    const bytes = this.#deps.accounting.missing(what, gpu, reservations)
    if (bytes <= 0) return
    const idle = this.#deps.idle().filter((reservation) => gpu === null || reservation.gpu === gpu.uuid)
    for (const reservation of this.#choose(what, idle, bytes) ?? []) this.#deps.evict(reservation)
  }

  /** After a GPU reading: evicts processes on GPUs that disappeared, and those in the way of promised memory. */
  onReading(reservations: readonly Reservation[]): void {
    const { accounting, idle, evict } = this.#deps
    for (const reservation of idle()) if (accounting.isLost(reservation)) evict(reservation)
    for (const gpu of accounting.gpus) this.evictFor('vramBytes', gpu, reservations)
  }

  #choose(what: MemoryKind, idle: readonly Reservation[], bytes: number): Reservation[] | null {
    const able = idle.filter((reservation) => reservation.needs[what] > 0)
    const rated = able.map((reservation) => ({
      id: reservation.id,
      bytes: reservation.needs[what],
      cost: this.#costOf(reservation),
    }))
    const chosen = (this.#deps.choose ?? cheapestToEvict)(rated, bytes)
    return chosen && able.filter(({ id }) => chosen.some((one) => one.id === id))
  }

  /** Several idle processes of one module share its cost. */
  #costOf = ({ key }: Reservation): number => {
    const alike = this.#deps.idle().filter((reservation) => reservation.key === key)
    return this.#deps.costOf(key) / Math.max(1, alike.length)
  }
}
