import type { Gpu } from '@millrace/shared/for-agents'
import { sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import type { GpuReading } from '../machine/gpu/gpus.ts'
import type { AgentSignals } from '../signals/agent-signals.ts'
import { Signal } from '../signals/signal.ts'
import { CapacityMonitor } from './capacity-monitor.ts'
import type { Evictable } from './cheapest-to-evict.ts'
import { Evictor } from './evictor.ts'
import { measureGpuMemory } from './measure.ts'
import { MemoryAccounting } from './memory-accounting.ts'
import { ModuleUsage } from './module-usage.ts'
import type { Reservation, ReservationRequest } from './reservation.ts'

export type LedgerDeps = {
  gpus: { reading: GpuReading; look(signal: AbortSignal): Promise<GpuReading> }
  /** How many more runs may be begun, whatever the room. */
  freeRuns(): number
  /** GPU memory that is left to the desktop, in bytes per GPU. */
  headroomBytes(): number
  ram(): { totalBytes: number; availableBytes: number }
  /** Which idle processes go; the cheapest, but for comparisons. */
  choose?(idle: readonly Evictable[], bytes: number): Evictable[] | null
  signals: Pick<AgentSignals, 'gpusRead' | 'capacityChanged'>
  logger: Logger
  signal: AbortSignal
}

type Taken = ReservationRequest & { worker?: string | null; isAlone?: boolean }

/** A kept room is given up when the API does not ask for it again. */
const keptMs = 15_000
/** Another program may hold memory promised to a run this long; then the run is handed back. */
const patienceMs = 20_000
const lookMs = 250
/** A process that does not tell when it is ready counts as loaded after this, or with most of its memory. */
const loadingMs = 10_000
const mostOfIt = 0.8

/**
 * Who holds which memory of this machine: what is promised counts from the grant until the process is gone, and room
 * counts as free only when the driver says so. Idle warm processes make way for runs that need their memory.
 */
export class Ledger {
  readonly use = new ModuleUsage()
  readonly accounting: MemoryAccounting
  /** An idle process has to end; its reservation is released when it is gone. */
  readonly evicted = new Signal<Reservation>()
  readonly #deps: LedgerDeps
  readonly #reservations = new Set<Reservation>()
  readonly #kept = new Map<string, { reservation: Reservation; until: number }>()
  readonly #lookout: CapacityMonitor
  readonly #roomMaker: Evictor
  #changed = Promise.withResolvers<void>()
  #lastId = 0

  constructor(deps: LedgerDeps) {
    this.#deps = deps
    this.accounting = new MemoryAccounting({ ...deps, reading: () => deps.gpus.reading })
    this.#roomMaker = new Evictor({
      accounting: this.accounting,
      idle: this.#idle,
      costOf: (key) => this.use.costOf(key),
      choose: deps.choose,
      evict: (reservation) => this.#evict(reservation),
    })
    this.#lookout = new CapacityMonitor({
      fits: (wish) => this.#fitting(wish) > 0,
      look: () => this.#look(),
      onRoom: () => deps.signals.capacityChanged.emit(),
      signal: deps.signal,
    })
    deps.signals.gpusRead.subscribe('ledger', () => this.#onReading())
  }

  get reservations(): Reservation[] {
    return [...this.#reservations]
  }

  idleOf = (key: string): Reservation[] =>
    this.#idle().filter((reservation) => reservation.key === key && !this.accounting.isLost(reservation))

  /** How many more runs of a module could be begun, idle processes of others making way. */
  roomFor(wish: ReservationRequest): number {
    const fitting = this.#fitting(wish)
    this.#lookout.note(wish, fitting > 0)
    return Math.max(0, Math.min(this.#deps.freeRuns(), fitting))
  }

  #fitting({ key, needs }: ReservationRequest): number {
    const others = this.#promised().filter((reservation) => this.#kept.get(key)?.reservation !== reservation)
    const spare = this.#worthEvictingFor(key)
      ? this.#idle().filter((reservation) => reservation.key !== key)
      : []
    return this.idleOf(key).length + this.accounting.count(needs, others, spare)
  }

  /** Not where a loaded process of the module is busy, and sooner free than another one would be loaded. */
  #worthEvictingFor = (key: string): boolean =>
    !(
      this.use.isSoonDone(key) &&
      this.reservations.some(
        (reservation) =>
          reservation.key === key && (reservation.state === 'busy' || reservation.state === 'loading'),
      )
    )

  /** Promises room to a run: an idle process of its module, or a place that `enter` waits for. */
  take(taken: Taken): Reservation {
    this.#kept.delete(taken.key)
    this.use.used(taken.key)
    // The last one used: those before it get their chance to time out.
    const idle = taken.isAlone ? undefined : this.idleOf(taken.key).at(-1)
    if (idle) return this.#occupy(idle)
    const reservation = this.#newSeat(taken)
    reservation.hasRun = true
    this.#reservations.add(reservation)
    return reservation
  }

  /**
   * Waits until a promised place is really free, and it is its turn to load. Gives another reservation when a process of the
   * module became idle meanwhile, and `null` when another program holds the memory for too long.
   */
  async enter(reservation: Reservation, signal: AbortSignal): Promise<Reservation | null> {
    let takenSince: number | null = null
    while (reservation.state === 'waiting') {
      if (reservation.gpu !== null && reservation.needs.vramBytes > 0) await this.#look()
      signal.throwIfAborted()
      const idle = reservation.isAlone ? undefined : this.idleOf(reservation.key).at(-1)
      if (idle) {
        this.release(reservation)
        return this.#occupy(idle)
      }
      if (this.#mayLoad(reservation)) this.#move(reservation, 'loading')
      else {
        this.#roomMaker.makeRoomFor(reservation, [...this.#before(reservation), reservation])
        takenSince = this.accounting.isHeldByOthers(reservation, this.reservations)
          ? (takenSince ?? performance.now())
          : null
        if (takenSince !== null && performance.now() - takenSince > patienceMs) return null
        await this.#change(signal)
      }
    }
    return reservation
  }

  /** Its process was started; one that does not tell when it is ready is watched until it seems to be. */
  started(reservation: Reservation, pid: number | undefined, tellsWhenReady: boolean): void {
    reservation.pid = pid ?? null
    if (tellsWhenReady) return
    if (reservation.gpu === null || reservation.needs.vramBytes === 0) this.loaded(reservation)
    else void this.#watchLoading(reservation)
  }

  loaded(reservation: Reservation, seconds?: number): void {
    if (seconds !== undefined) this.use.loaded(reservation.key, seconds)
    if (reservation.state === 'loading') this.#move(reservation, reservation.hasRun ? 'busy' : 'idle')
  }

  /** Its run is over, and its process waits for the next one. */
  idle(reservation: Reservation): void {
    reservation.hasRun = false
    if (reservation.state === 'busy') this.#move(reservation, 'idle')
  }

  /** Its process is ending. */
  leaving(reservation: Reservation): void {
    reservation.hasRun = false
    if (this.#reservations.has(reservation)) this.#move(reservation, 'leaving')
  }

  /** Nothing is left of its process. */
  release(reservation: Reservation): void {
    if (!this.#reservations.delete(reservation)) return
    this.accounting.released(reservation)
    if (reservation.gpu !== null) this.#lookout.stir()
    this.#tell()
    // The end of a run is signalled after its report.
    if (!reservation.hasRun) this.#deps.signals.capacityChanged.emit()
    reservation.hasRun = false
  }

  /** Keeps room for a module that the API has waiting: nothing lower is begun in its place. */
  keep(wish: ReservationRequest): void {
    const reservation = this.#kept.get(wish.key)?.reservation ?? this.#newSeat(wish)
    if (reservation.gpu !== null) this.#lookout.stir()
    this.#kept.set(wish.key, { reservation, until: performance.now() + keptMs })
    this.#roomMaker.makeRoomFor(reservation, [...this.#before(reservation), reservation])
  }

  /** Ends all idle processes, for an owner who wants the machine. */
  evictIdle(): void {
    for (const reservation of this.#idle()) this.#evict(reservation)
  }

  /** The GPUs were looked at: who took what is promised makes idle processes go. */
  #onReading(): void {
    this.accounting.onReading(this.reservations)
    this.accounting.notePeaks(this.reservations)
    this.#roomMaker.onReading(this.reservations)
    this.#tell()
  }

  /** The state of each GPU, for heartbeats and the owner. */
  describe(): Gpu[] {
    return this.accounting.gpus.map((gpu) => {
      const here = this.reservations.filter((reservation) => reservation.gpu === gpu.uuid)
      const reserved = here.map(({ module, needs }) => ({ module, bytes: needs.vramBytes }))
      return { ...gpu, foreignBytes: this.accounting.onGpu(gpu, here).foreign, reserved }
    })
  }

  #idle = (): Reservation[] => this.reservations.filter(({ state }) => state === 'idle')

  /** All that room is promised to, also what the API has waiting. */
  #promised(): Reservation[] {
    const now = performance.now()
    for (const [key, { until }] of this.#kept) if (until < now) this.#kept.delete(key)
    return [...this.#reservations, ...[...this.#kept.values()].map(({ reservation }) => reservation)]
  }

  #newSeat({ key, module, worker = null, needs, isAlone = false }: Taken): Reservation {
    const gpu = needs.usesGpu ? this.#roomMaker.chooseGpu(needs, key, this.#promised()) : undefined
    const whole = gpu ? this.accounting.capacityOf(gpu) : needs.vramBytes
    return {
      id: ++this.#lastId,
      key,
      module,
      worker,
      // No reservation exceeds the whole GPU; one that wants it alone gets all of it.
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
  #before = (reservation: Reservation): Reservation[] =>
    this.reservations.filter(
      (one) => one !== reservation && (one.state !== 'waiting' || one.id < reservation.id),
    )

  /** Whether it fits next to all earlier reservations, and no other process is loading on its GPU. */
  #mayLoad(reservation: Reservation): boolean {
    const before = this.#before(reservation)
    if (reservation.needs.ramBytes > 0 && this.accounting.inRam([...before, reservation]).free < 0)
      return false
    const gpu = this.accounting.gpu(reservation.gpu)
    if (!gpu) return reservation.gpu === null
    const here = before.filter((one) => one.gpu === gpu.uuid)
    if (here.some(({ state }) => state === 'loading')) return false
    if (reservation.needs.vramBytes === 0) return !here.some(({ isAlone }) => isAlone)
    return this.accounting.isFresh(gpu) && this.accounting.onGpu(gpu, [...here, reservation]).free >= 0
  }

  #evict(reservation: Reservation): void {
    this.#deps.logger.info({ module: reservation.module, gpu: reservation.gpu }, 'an idle process makes room')
    this.leaving(reservation)
    this.evicted.emit(reservation)
  }

  #occupy(idle: Reservation): Reservation {
    idle.hasRun = true
    this.#move(idle, 'busy')
    return idle
  }

  async #watchLoading(reservation: Reservation): Promise<void> {
    const until = performance.now() + loadingMs
    while (
      reservation.state === 'loading' &&
      this.#reservations.has(reservation) &&
      performance.now() < until
    ) {
      await sleep(lookMs, this.#deps.signal)
      if (this.#deps.signal.aborted) return
      await this.#look()
      const held =
        measureGpuMemory([reservation], this.#deps.gpus.reading.holds ?? []).get(reservation.id) ?? 0
      if (held >= reservation.needs.vramBytes * mostOfIt) break
    }
    this.loaded(reservation)
  }

  async #look(): Promise<void> {
    const { signal } = this.#deps
    try {
      await this.#deps.gpus.look(signal)
    } catch (err) {
      if (!signal.aborted) this.#deps.logger.debug({ err }, 'the GPUs could not be looked at')
    }
  }

  #move(reservation: Reservation, to: Reservation['state']): void {
    reservation.state = to
    if (reservation.gpu !== null) this.#lookout.stir()
    this.#tell()
  }

  #tell(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  async #change(signal: AbortSignal): Promise<void> {
    const enough = new AbortController()
    const patience = sleep(lookMs, AbortSignal.any([signal, enough.signal]))
    await Promise.race([this.#changed.promise, patience])
    enough.abort()
  }
}
