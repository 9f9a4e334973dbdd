import type { Gpu } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import { pause } from '../backoff.ts'
import type { GpuReading } from '../machine/gpu/gpus.ts'
import { Lookout } from './capacity-monitor.ts'
import type { Evictable } from './cheapest-to-evict.ts'
import { RoomMaker } from './evictor.ts'
import { measureGpuMemory } from './measure.ts'
import { Books } from './memory-accounting.ts'
import { UseOfModules } from './module-usage.ts'
import type { Needs, Seat } from './reservation.ts'

export type LedgerDeps = {
  gpus: { reading: GpuReading; look(signal: AbortSignal): Promise<GpuReading> }
  /** How many more runs may be begun, whatever the room. */
  freeRuns(): number
  /** GPU memory that is left to the desktop, in bytes per GPU. */
  headroomBytes(): number
  ram(): { totalBytes: number; availableBytes: number }
  /** Ends an idle process; its seat is released when it is gone. */
  evict(seat: Seat): void
  /** Which idle processes go; the cheapest, but for comparisons. */
  choose?(idle: readonly Evictable[], bytes: number): Evictable[] | null
  /** There may be more room than before. */
  onRoom(): void
  logger: Logger
  signal: AbortSignal
}

export type Wish = { key: string; module: string; needs: Needs }
type Taken = Wish & { worker?: string | null; isAlone?: boolean }

/** A kept room is given up when the API does not ask for it again. */
const keptMs = 15_000
/** So long somebody else may hold what was promised to a run before it is handed back. */
const patienceMs = 20_000
const lookMs = 250
/** A process that does not tell when it is ready counts as loaded after this, or with most of its memory. */
const loadingMs = 10_000
const mostOfIt = 0.8

/**
 * Who holds which memory of this machine: what is promised counts from the grant until the process is gone, and room
 * counts as free only when the driver says so. Idle warm processes make way for whoever needs their room.
 */
export class Ledger {
  readonly use = new UseOfModules()
  readonly books: Books
  readonly #deps: LedgerDeps
  readonly #seats = new Set<Seat>()
  readonly #kept = new Map<string, { seat: Seat; until: number }>()
  readonly #lookout: Lookout
  readonly #roomMaker: RoomMaker
  #changed = Promise.withResolvers<void>()
  #lastId = 0

  constructor(deps: LedgerDeps) {
    this.#deps = deps
    this.books = new Books({ ...deps, reading: () => deps.gpus.reading })
    this.#roomMaker = new RoomMaker({
      books: this.books,
      idle: this.#idle,
      costOf: (key) => this.use.costOf(key),
      choose: deps.choose,
      evict: (seat) => this.#evict(seat),
    })
    this.#lookout = new Lookout({
      fits: (wish) => this.#fitting(wish) > 0,
      look: () => this.#look(),
      onRoom: deps.onRoom,
      signal: deps.signal,
    })
  }

  get seats(): Seat[] {
    return [...this.#seats]
  }

  idleOf = (key: string): Seat[] =>
    this.#idle().filter((seat) => seat.key === key && !this.books.isLost(seat))

  /** How many more runs of a module could be begun, idle processes of others making way. */
  roomFor(wish: Wish): number {
    const fitting = this.#fitting(wish)
    this.#lookout.note(wish, fitting > 0)
    return Math.max(0, Math.min(this.#deps.freeRuns(), fitting))
  }

  #fitting({ key, needs }: Wish): number {
    const others = this.#promised().filter((seat) => this.#kept.get(key)?.seat !== seat)
    const spare = this.#worthEvictingFor(key) ? this.#idle().filter((seat) => seat.key !== key) : []
    return this.idleOf(key).length + this.books.count(needs, others, spare)
  }

  /** Not where a loaded process of the module is busy, and sooner free than another one would be loaded. */
  #worthEvictingFor = (key: string): boolean =>
    !(
      this.use.isSoonDone(key) &&
      this.seats.some((seat) => seat.key === key && (seat.state === 'busy' || seat.state === 'loading'))
    )

  /** Promises room to a run: an idle process of its module, or a place that `enter` waits for. */
  take(taken: Taken): Seat {
    this.#kept.delete(taken.key)
    this.use.used(taken.key)
    // The last one used: those before it get their chance to time out.
    const idle = taken.isAlone ? undefined : this.idleOf(taken.key).at(-1)
    if (idle) return this.#occupy(idle)
    const seat = this.#newSeat(taken)
    seat.hasRun = true
    this.#seats.add(seat)
    return seat
  }

  /**
   * Waits until a promised place is really free, and it is its turn to load. Gives another seat when a process of the
   * module became idle meanwhile, and `null` when somebody outside holds the memory for too long.
   */
  async enter(seat: Seat, signal: AbortSignal): Promise<Seat | null> {
    let takenSince: number | null = null
    while (seat.state === 'waiting') {
      if (seat.gpu !== null && seat.needs.vramBytes > 0) await this.#look()
      signal.throwIfAborted()
      const idle = seat.isAlone ? undefined : this.idleOf(seat.key).at(-1)
      if (idle) {
        this.release(seat)
        return this.#occupy(idle)
      }
      if (this.#mayLoad(seat)) this.#move(seat, 'loading')
      else {
        this.#roomMaker.makeRoomFor(seat, [...this.#before(seat), seat])
        takenSince = this.books.isHeldByOthers(seat, this.seats) ? (takenSince ?? performance.now()) : null
        if (takenSince !== null && performance.now() - takenSince > patienceMs) return null
        await this.#change(signal)
      }
    }
    return seat
  }

  /** Its process was started; one that does not tell when it is ready is watched until it seems to be. */
  started(seat: Seat, pid: number | undefined, tellsWhenReady: boolean): void {
    seat.pid = pid ?? null
    if (tellsWhenReady) return
    if (seat.gpu === null || seat.needs.vramBytes === 0) this.loaded(seat)
    else void this.#watchLoading(seat)
  }

  loaded(seat: Seat, seconds?: number): void {
    if (seconds !== undefined) this.use.loaded(seat.key, seconds)
    if (seat.state === 'loading') this.#move(seat, seat.hasRun ? 'busy' : 'idle')
  }

  /** Its run is over, and its process waits for the next one. */
  idle(seat: Seat): void {
    seat.hasRun = false
    if (seat.state === 'busy') this.#move(seat, 'idle')
  }

  /** Its process was told to end. */
  leaving(seat: Seat): void {
    seat.hasRun = false
    if (this.#seats.has(seat)) this.#move(seat, 'leaving')
  }

  /** Nothing is left of its process. */
  release(seat: Seat): void {
    if (!this.#seats.delete(seat)) return
    this.books.released(seat)
    if (seat.gpu !== null) this.#lookout.stir()
    this.#tell()
    // The end of a run is told by others, when it is reported.
    if (!seat.hasRun) this.#deps.onRoom()
    seat.hasRun = false
  }

  /** Keeps room for a module that the API has waiting: nothing lower is begun in its place. */
  keep(wish: Wish): void {
    const seat = this.#kept.get(wish.key)?.seat ?? this.#newSeat(wish)
    if (seat.gpu !== null) this.#lookout.stir()
    this.#kept.set(wish.key, { seat, until: performance.now() + keptMs })
    this.#roomMaker.makeRoomFor(seat, [...this.#before(seat), seat])
  }

  /** Ends what is idle, for somebody who wants the machine for himself. */
  evictIdle(): void {
    for (const seat of this.#idle()) this.#evict(seat)
  }

  /** The GPUs were looked at: who took what is promised makes idle processes go. */
  onReading(): void {
    this.books.onReading(this.seats)
    this.books.notePeaks(this.seats)
    this.#roomMaker.onReading(this.seats)
    this.#tell()
  }

  /** How each GPU stands, for whoever wants to see it. */
  describe(): Gpu[] {
    return this.books.gpus.map((gpu) => {
      const here = this.seats.filter((seat) => seat.gpu === gpu.uuid)
      const reserved = here.map(({ module, needs }) => ({ module, bytes: needs.vramBytes }))
      return { ...gpu, foreignBytes: this.books.onGpu(gpu, here).foreign, reserved }
    })
  }

  #idle = (): Seat[] => this.seats.filter(({ state }) => state === 'idle')

  /** All that room is promised to, also what the API has waiting. */
  #promised(): Seat[] {
    const now = performance.now()
    for (const [key, { until }] of this.#kept) if (until < now) this.#kept.delete(key)
    return [...this.#seats, ...[...this.#kept.values()].map(({ seat }) => seat)]
  }

  #newSeat({ key, module, worker = null, needs, isAlone = false }: Taken): Seat {
    const gpu = needs.usesGpu ? this.#roomMaker.chooseGpu(needs, key, this.#promised()) : undefined
    const whole = gpu ? this.books.capacityOf(gpu) : needs.vramBytes
    return {
      id: ++this.#lastId,
      key,
      module,
      worker,
      // More than the whole GPU nobody gets; whoever wants it alone gets all of it.
      needs: { ...needs, vramBytes: isAlone ? whole : Math.min(needs.vramBytes, whole) },
      gpu: gpu?.uuid ?? null,
      isAlone,
      state: 'waiting',
      pid: null,
      peakVramBytes: null,
      hasRun: false,
    }
  }

  /** All that came before it and holds room, or was promised some. */
  #before = (seat: Seat): Seat[] =>
    this.seats.filter((one) => one !== seat && (one.state !== 'waiting' || one.id < seat.id))

  /** Whether it fits beside all that came before it, and nobody else is loading on its GPU. */
  #mayLoad(seat: Seat): boolean {
    const before = this.#before(seat)
    if (seat.needs.ramBytes > 0 && this.books.inRam([...before, seat]).free < 0) return false
    const gpu = this.books.gpu(seat.gpu)
    if (!gpu) return seat.gpu === null
    const here = before.filter((one) => one.gpu === gpu.uuid)
    if (here.some(({ state }) => state === 'loading')) return false
    if (seat.needs.vramBytes === 0) return !here.some(({ isAlone }) => isAlone)
    return this.books.isFresh(gpu) && this.books.onGpu(gpu, [...here, seat]).free >= 0
  }

  #evict(seat: Seat): void {
    this.#deps.logger.info({ module: seat.module, gpu: seat.gpu }, 'an idle process makes room')
    this.leaving(seat)
    this.#deps.evict(seat)
  }

  #occupy(idle: Seat): Seat {
    idle.hasRun = true
    this.#move(idle, 'busy')
    return idle
  }

  async #watchLoading(seat: Seat): Promise<void> {
    const until = performance.now() + loadingMs
    while (seat.state === 'loading' && this.#seats.has(seat) && performance.now() < until) {
      await pause(lookMs, this.#deps.signal)
      if (this.#deps.signal.aborted) return
      await this.#look()
      const held = measureGpuMemory([seat], this.#deps.gpus.reading.holds ?? []).get(seat.id) ?? 0
      if (held >= seat.needs.vramBytes * mostOfIt) break
    }
    this.loaded(seat)
  }

  async #look(): Promise<void> {
    const { signal } = this.#deps
    try {
      await this.#deps.gpus.look(signal)
    } catch (err) {
      if (!signal.aborted) this.#deps.logger.debug({ err }, 'the GPUs could not be looked at')
    }
  }

  #move(seat: Seat, to: Seat['state']): void {
    seat.state = to
    if (seat.gpu !== null) this.#lookout.stir()
    this.#tell()
  }

  #tell(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  async #change(signal: AbortSignal): Promise<void> {
    const enough = new AbortController()
    const patience = pause(lookMs, AbortSignal.any([signal, enough.signal]))
    await Promise.race([this.#changed.promise, patience])
    enough.abort()
  }
}
