import type { Gpu } from '@millrace/shared/for-agents'
import { sum } from './account.ts'
import { cheapestToEvict, type Evictable } from './cheapest-to-evict.ts'
import type { Books, Memory } from './memory-accounting.ts'
import type { Needs, Seat } from './reservation.ts'

export type RoomMakerDeps = {
  books: Books
  idle(): Seat[]
  /** What it costs to load a module again, by how often it is needed. */
  costOf(key: string): number
  /** Which idle processes go; the cheapest, but for comparisons. */
  choose?(idle: readonly Evictable[], bytes: number): Evictable[] | null
  evict(seat: Seat): void
}

/** Says which idle processes make way, and where that costs least. */
export class RoomMaker {
  readonly #deps: RoomMakerDeps

  constructor(deps: RoomMakerDeps) {
    this.#deps = deps
  }

  /** The GPU on which it costs least to make room; among those, where most is free beside what is promised. */
  chooseGpu(needs: Needs, key: string, promised: readonly Seat[]): Gpu | undefined {
    const { books, idle } = this.#deps
    const rated = books.gpus.map((gpu) => {
      const { free } = books.onGpu(gpu, promised)
      const others = idle().filter((seat) => seat.gpu === gpu.uuid && seat.key !== key)
      const evicted = this.#choose('vramBytes', others, needs.vramBytes - free)
      const cost = evicted ? sum(evicted.map(this.#costOf)) : Number.POSITIVE_INFINITY
      return { gpu, free, cost }
    })
    return rated.toSorted((a, b) => (a.cost === b.cost ? b.free - a.free : a.cost - b.cost))[0]?.gpu
  }

  /** Lets idle processes go so that what is promised to these seats fits, the last of them being who asks. */
  makeRoomFor(seat: Seat, seats: readonly Seat[]): void {
    if (seat.needs.ramBytes > 0) this.evictFor('ramBytes', null, seats)
    const gpu = this.#deps.books.gpu(seat.gpu)
    if (gpu) this.evictFor('vramBytes', gpu, seats)
  }

  /** The same in one memory, if it is enough there. */
  evictFor(what: Memory, gpu: Gpu | null, seats: readonly Seat[]): void {
    const bytes = this.#deps.books.missing(what, gpu, seats)
    if (bytes <= 0) return
    const idle = this.#deps.idle().filter((seat) => gpu === null || seat.gpu === gpu.uuid)
    for (const seat of this.#choose(what, idle, bytes) ?? []) this.#deps.evict(seat)
  }

  /** The GPUs were looked at: processes on one that is not there any more can do nothing. */
  onReading(seats: readonly Seat[]): void {
    const { books, idle, evict } = this.#deps
    for (const seat of idle()) if (books.isLost(seat)) evict(seat)
    for (const gpu of books.gpus) this.evictFor('vramBytes', gpu, seats)
  }

  #choose(what: Memory, idle: readonly Seat[], bytes: number): Seat[] | null {
    const able = idle.filter((seat) => seat.needs[what] > 0)
    const rated = able.map((seat) => ({ id: seat.id, bytes: seat.needs[what], cost: this.#costOf(seat) }))
    const chosen = (this.#deps.choose ?? cheapestToEvict)(rated, bytes)
    return chosen && able.filter(({ id }) => chosen.some((one) => one.id === id))
  }

  /** Of several idle processes of one module all but the last are missed less. */
  #costOf = ({ key }: Seat): number => {
    const alike = this.#deps.idle().filter((seat) => seat.key === key)
    return this.#deps.costOf(key) / Math.max(1, alike.length)
  }
}
