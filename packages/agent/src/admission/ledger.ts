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
  /** How many more runs may begin, regardless of memory. */
  freeRuns(): number
  /** GPU memory reserved for the desktop, in bytes per GPU. */
  headroomBytes(): number
  ram(): { totalBytes: number; availableBytes: number }
  /** Chooses the idle processes to evict; the cheapest by default, another rule for comparisons. */
  choose?(idle: readonly Evictable[], bytes: number): Evictable[] | null
  signals: Pick<AgentSignals, 'gpusRead' | 'capacityChanged'>
  logger: Logger
  signal: AbortSignal
}

type Taken = ReservationRequest & { worker?: string | null; isAlone?: boolean }

/** Room kept for the API expires after this unless the API asks again. */
const keptMs = 15_000
/** Another program may hold memory promised to a run this long; then the agent hands the run back. */
const patienceMs = 20_000
const lookMs = 250
/** A process without a ready signal counts as loaded after this time, or with most of its memory. */
const loadingMs = 10_000
const mostOfIt = 0.8

/**
 * The reservations of this machine's memory. A reservation lasts from the claim until the process has ended, and memory
 * counts as free only when the driver reports it free. Runs evict idle warm processes whose memory they need.
 */
export class Ledger {
  readonly use = new ModuleUsage()
  readonly accounting: MemoryAccounting
  /** Emitted to end an idle process; its reservation is released after its end. */
  readonly evicted = new Signal<Reservation>()
  readonly #deps: LedgerDeps
  readonly #reservations = new Set<Reservation>()
  readonly #kept = new Map<string, { reservation: Reservation; until: number }>()
  readonly #monitor: CapacityMonitor
  readonly #evictor: Evictor
  #changed = Promise.withResolvers<void>()
  #lastId = 0

  constructor(deps: LedgerDeps) {
    this.#deps = deps
    this.accounting = new MemoryAccounting({ ...deps, reading: () => deps.gpus.reading })
    this.#evictor = new Evictor({
      accounting: this.accounting,
      idle: this.#idle,
      costOf: (key) => this.use.costOf(key),
      choose: deps.choose,
      evict: (reservation) => this.#evict(reservation),
    })
    this.#monitor = new CapacityMonitor({
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

  /** How many more runs of a module could begin if idle processes of others were evicted. */
  roomFor(wish: ReservationRequest): number {
    const fitting = this.#fitting(wish)
    this.#monitor.note(wish, fitting > 0)
    return Math.max(0, Math.min(this.#deps.freeRuns(), fitting))
  }

  #fitting({ key, needs }: ReservationRequest): number {
    const others = this.#promised().filter((reservation) => this.#kept.get(key)?.reservation !== reservation)
    const spare = this.#worthEvictingFor(key)
      ? this.#idle().filter((reservation) => reservation.key !== key)
      : []
    return this.idleOf(key).length + this.accounting.count(needs, others, spare)
  }

  /** False while a busy process of the module will be free sooner than a new one could load. */
  #worthEvictingFor = (key: string): boolean =>
    !(
      this.use.isSoonDone(key) &&
      this.reservations.some(
        (reservation) =>
          reservation.key === key && (reservation.state === 'busy' || reservation.state === 'loading'),
      )
    )

  /** Reserves room for a run: an idle process of its module, or a new reservation that `enter` waits for. */
  take(taken: Taken): Reservation {
    this.#kept.delete(taken.key)
    this.use.used(taken.key)
    // The most recently used one, so that the others can time out.
    const idle = taken.isAlone ? undefined : this.idleOf(taken.key).at(-1)
    if (idle) return this.#occupy(idle)
    const reservation = this.#newReservation(taken)
    reservation.hasRun = true
    this.#reservations.add(reservation)
    return reservation
  }

  /**
   * Waits until the reserved memory is free and it is the run's turn to load. Returns another reservation when a process
   * of the module became idle meanwhile, and `null` when another program holds the memory for too long.
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
        this.#evictor.makeRoomFor(reservation, [...this.#before(reservation), reservation])
        takenSince = this.accounting.isHeldByOthers(reservation, this.reservations)
          ? (takenSince ?? performance.now())
          : null
        if (takenSince !== null && performance.now() - takenSince > patienceMs) return null
        await this.#change(signal)
      }
    }
    return reservation
  }

  /** Its process has started. The ledger watches one without a ready signal until it seems loaded. */
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

  /** Its run has ended, and its process waits for the next one. */
  idle(reservation: Reservation): void {
    reservation.hasRun = false
    if (reservation.state === 'busy') this.#move(reservation, 'idle')
  }

  /** Its process is ending. */
  leaving(reservation: Reservation): void {
    reservation.hasRun = false
    if (this.#reservations.has(reservation)) this.#move(reservation, 'leaving')
  }

  /** Its process and all its children have ended. */
  release(reservation: Reservation): void {
    if (!this.#reservations.delete(reservation)) return
    this.accounting.released(reservation)
    if (reservation.gpu !== null) this.#monitor.stir()
    this.#tell()
    // After a run, `runEnded` follows its report and has the same effect.
    if (!reservation.hasRun) this.#deps.signals.capacityChanged.emit()
    reservation.hasRun = false
  }

  /** Keeps room for a more urgent task of a module at the API, so that no less urgent run takes it. */
  keep(wish: ReservationRequest): void {
    const reservation = this.#kept.get(wish.key)?.reservation ?? this.#newReservation(wish)
    if (reservation.gpu !== null) this.#monitor.stir()
    this.#kept.set(wish.key, { reservation, until: performance.now() + keptMs })
    this.#evictor.makeRoomFor(reservation, [...this.#before(reservation), reservation])
  }

  /** Evicts all idle processes, for an owner who needs the machine. */
  evictIdle(): void {
    for (const reservation of this.#idle()) this.#evict(reservation)
  }

  /** Evicts idle processes when other programs use promised memory. */
  #onReading(): void {
    this.accounting.onReading(this.reservations)
    this.accounting.notePeaks(this.reservations)
    this.#evictor.onReading(this.reservations)
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

  /** All reservations, with those kept for the API. */
  #promised(): Reservation[] {
    const now = performance.now()
    for (const [key, { until }] of this.#kept) if (until < now) this.#kept.delete(key)
    return [...this.#reservations, ...[...this.#kept.values()].map(({ reservation }) => reservation)]
  }

  #newReservation({ key, module, worker = null, needs, isAlone = false }: Taken): Reservation {
    const gpu = needs.usesGpu ? this.#evictor.chooseGpu(needs, key, this.#promised()) : undefined
    const whole = gpu ? this.accounting.capacityOf(gpu) : needs.vramBytes
    return {
      id: ++this.#lastId,
      key,
      module,
      worker,
      // A reservation never exceeds the GPU; an exclusive one gets all of it.
      needs: { ...needs, vramBytes: isAlone ? whole : Math.min(needs.vramBytes, whole) },
      gpu: gpu?.uuid ?? null,
      isAlone,
      state: 'waiting',
      pid: null,
      peakVramBytes: null,
      hasRun: false,
    }
  }

  /** All others that hold memory, and earlier ones that wait for it. */
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
    this.#deps.logger.info({ module: reservation.module, gpu: reservation.gpu }, 'evicting an idle process')
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
      if (!signal.aborted) this.#deps.logger.debug({ err }, 'reading the GPUs failed')
    }
  }

  #move(reservation: Reservation, to: Reservation['state']): void {
    reservation.state = to
    if (reservation.gpu !== null) this.#monitor.stir()
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
