import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import type { Ledger } from '../admission/ledger.ts'
import { residentBytes } from '../admission/measure.ts'
import type { Reservation } from '../admission/reservation.ts'
import { Secrets } from '../log/secrets.ts'
import type { RunnableModule } from '../modules/known-module.ts'
import { moduleEnv } from '../process/module-env.ts'
import { type ModuleVariables, noVariables, stampOf } from '../process/module-variables.ts'
import { openTemporary } from '../process/short-temporary.ts'
import type { Stop } from '../process/stop/stop.ts'
import type { Watchdog } from '../process/stop/watchdog.ts'
import type { AgentSignals } from '../signals/agent-signals.ts'
import { type ServedEnd, type ServedTask, WarmProcess } from './warm-process.ts'

type WarmLimits = {
  /** Seconds after which an idle process ends. */
  idleSeconds: number
  /** Number of tasks after which a process is replaced. */
  maxTasks: number
}

export type WarmPoolDeps = {
  ledger: Ledger
  signals: Pick<AgentSignals, 'settingsChanged'>
  limits(): WarmLimits
  /** The most memory that one process and its children may take. */
  memoryBytes(): number
  /** Each process gets a separate folder in here. */
  folder: string
  watchdog: Watchdog
  threads: number
  own: NodeJS.ProcessEnv
  /** The values of the variables that modules name. */
  variables?: ModuleVariables
  secrets?: Secrets
  logger: Logger
  signal: AbortSignal
}

type Entry = {
  reservation: Reservation
  module: RunnableModule
  process: WarmProcess
  /** A stamp of the values of its module's variables. */
  variables: string | null
  folder: string
  tasks: number
  /** Resident memory after the first task. */
  firstBytes: number | null
  idleTimer?: NodeJS.Timeout
}

/** How often to ping an idle process, and how long it may take to answer. */
const ping = { everyMs: 30_000, patienceMs: 10_000 }
/** Memory growth that is more than libraries settling in. */
const growth = { factor: 2, bytes: 256 * 1024 * 1024 }

const outdated = 'the variables of its module changed'

/** Loaded processes, each in its reservation of the ledger; they take one task after another until their end. */
export class WarmPool {
  readonly #deps: WarmPoolDeps
  readonly #entries = new Map<Reservation, Entry>()
  #lastNumber = 0

  constructor(deps: WarmPoolDeps) {
    this.#deps = deps
    deps.ledger.evicted.subscribe('warm pool', (reservation) => this.#evict(reservation))
    deps.signals.settingsChanged.subscribe('warm pool', () => this.#onOtherVariables())
  }

  /** Whether the pool serves a module's runs; with an idle time of 0, only if the module has no other mode. */
  serves({ manifest: { modes } }: RunnableModule): boolean {
    return modes.includes('serve') && (this.#deps.limits().idleSeconds > 0 || !modes.includes('run'))
  }

  /** Whether the reservation belongs to a process that outlives its run. */
  keeps = (reservation: Reservation): boolean => this.#entries.has(reservation)

  /**
   * Runs a task in its reservation, in a process that is loaded first if necessary. A stop during loading ends the
   * wait, not the loading.
   */
  async serve(
    reservation: Reservation,
    module: RunnableModule,
    task: ServedTask,
    stop: Stop,
  ): Promise<ServedEnd> {
    const entry = this.#entries.get(reservation) ?? this.#start(reservation, module)
    clearTimeout(entry.idleTimer)
    const isReady = entry.process.isReady || (await unlessAborted(entry.process.ready, stop.signal))
    if (isReady === undefined) {
      this.#deps.ledger.idle(reservation)
      stop.signal.throwIfAborted()
    }
    if (!isReady) return { end: await endOfLoading(entry.process, module), said: null }
    const startedAt = performance.now()
    const running = entry.process.run(task)
    const unsubscribe = stop.subscribe(running.stop)
    const served = await running.ended
    unsubscribe()
    this.#deps.ledger.use.ran(reservation.key, (performance.now() - startedAt) / 1000)
    entry.tasks += 1
    await this.#afterTask(entry)
    return served
  }

  /** The run that a process was kept for ended before it used the process. */
  giveBack(reservation: Reservation): void {
    const entry = this.#entries.get(reservation)
    if (!entry || !reservation.hasRun || entry.process.isBusy) return
    this.#rest(entry)
    this.#deps.ledger.idle(reservation)
  }

  /** Ends an idle process. */
  #evict(reservation: Reservation): void {
    const entry = this.#entries.get(reservation)
    if (entry) void this.#close(entry)
    else this.#deps.ledger.release(reservation)
  }

  /** Ends idle processes whose modules are not among these: changed, disabled or gone. */
  retain(keys: ReadonlySet<string>): void {
    for (const [reservation, entry] of this.#entries)
      if (reservation.state === 'idle' && !keys.has(reservation.key))
        this.#retire(entry, 'its module changed')
  }

  /** Variables of modules may have changed: affected idle processes end now, busy ones after their task. */
  #onOtherVariables(): void {
    for (const entry of this.#entries.values())
      if (entry.reservation.state === 'idle' && this.#isOutdated(entry)) this.#retire(entry, outdated)
  }

  /** The loaded processes, for heartbeats and the owner. */
  describe(): { module: string; state: string; pid: number | null; tasks: number; gpu: string | null }[] {
    return [...this.#entries.values()].map(({ reservation, tasks }) => ({
      module: reservation.module,
      state: reservation.state,
      pid: reservation.pid,
      tasks,
      gpu: reservation.gpu,
    }))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#entries.values()].map((entry) => this.#close(entry)))
  }

  #start(reservation: Reservation, module: RunnableModule): Entry {
    const { ledger, watchdog, threads, own, logger, variables = noVariables } = this.#deps
    this.#lastNumber += 1
    const folder = join(this.#deps.folder, String(this.#lastNumber))
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const temporary = openTemporary(folder)
    const { python, cacheDir, manifest } = module
    const given = variables.of(manifest)
    const mask = (this.#deps.secrets ?? new Secrets()).mask({}, given)
    const warm = new WarmProcess({
      command: python,
      args: [join(module.folder, manifest.entryPoint), '--mode', 'serve'],
      cwd: folder,
      env: moduleEnv({
        ...{ python, cacheDir, threads, own, given, tmpDir: temporary.path, outputDir: folder },
        usesGpu: manifest.resources.usesGpu,
        gpu: reservation.gpu ?? undefined,
      }),
      watchdog,
      // Limits of silence, disk and outputs apply to a task; its process may be idle for hours.
      limits: { memoryBytes: this.#deps.memoryBytes() },
      loadTimeoutSeconds: manifest.loadTimeoutSeconds,
      onLine: (line) =>
        logger.debug({ module: reservation.module, line: mask(line) }, 'an idle process said'),
    })
    const stamp = stampOf(manifest, variables)
    const entry: Entry = {
      ...{ reservation, module, process: warm, variables: stamp, folder },
      ...{ tasks: 0, firstBytes: null },
    }
    this.#entries.set(reservation, entry)
    ledger.started(reservation, warm.pid, true)
    void warm.ready.then((isReady) => {
      if (!isReady) return
      ledger.loaded(reservation, warm.loadSeconds ?? 0)
      logger.info(
        { module: reservation.module, seconds: warm.loadSeconds, gpu: reservation.gpu },
        'a module is warm',
      )
      if (reservation.state === 'idle') this.#rest(entry)
    })
    void warm.gone.then(async () => {
      clearTimeout(entry.idleTimer)
      this.#entries.delete(reservation)
      temporary.close()
      ledger.release(reservation)
      await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch((err: unknown) =>
        logger.warn({ err }, 'the folder of a warm process could not be removed'),
      )
    })
    return entry
  }

  async #afterTask(entry: Entry): Promise<void> {
    const { process: warm, reservation } = entry
    if (!warm.isAlive || reservation.state === 'leaving') return
    const reason = this.#reasonToRetire(entry)
    if (reason) return this.#retire(entry, reason)
    this.#rest(entry)
    this.#deps.ledger.idle(reservation)
  }

  #reasonToRetire(entry: Entry): string | null {
    const { pid } = entry.process
    const bytes = pid === undefined ? null : residentBytes(pid)
    entry.firstBytes ??= bytes
    if (this.#isOutdated(entry)) return outdated
    if (entry.tasks >= this.#deps.limits().maxTasks) return 'it reached its limit of tasks'
    const first = entry.firstBytes ?? Number.POSITIVE_INFINITY
    if (bytes !== null && bytes > first * growth.factor && bytes > first + growth.bytes)
      return `its memory grew from ${first} to ${bytes} bytes`
    return null
  }

  /** Until the next task, pings the process at intervals, and ends it after the idle time. */
  #rest(entry: Entry): void {
    if (this.#isOutdated(entry)) {
      this.#retire(entry, outdated)
      return
    }
    const until = performance.now() + this.#deps.limits().idleSeconds * 1000
    const later = () => {
      const wait = Math.max(0, Math.min(ping.everyMs, until - performance.now()))
      entry.idleTimer = setTimeout(() => void look(), wait)
    }
    const look = async () => {
      if (entry.reservation.state !== 'idle') return
      if (performance.now() >= until) return this.#retire(entry, 'it was idle for too long')
      const answered = await entry.process.ping(ping.patienceMs)
      // If it got a task meanwhile, its answer may have been lost.
      if (entry.reservation.state !== 'idle') return
      if (answered) later()
      else this.#retire(entry, 'it does not answer')
    }
    clearTimeout(entry.idleTimer)
    later()
  }

  #isOutdated = ({ module, variables }: Entry): boolean =>
    variables !== stampOf(module.manifest, this.#deps.variables ?? noVariables)

  #retire(entry: Entry, reason: string): void {
    this.#deps.logger.info({ module: entry.reservation.module, reason }, 'a warm process ends')
    void this.#close(entry)
  }

  async #close(entry: Entry): Promise<void> {
    clearTimeout(entry.idleTimer)
    this.#deps.ledger.leaving(entry.reservation)
    await entry.process.close()
  }
}

/** A failed load is an end like any other, unless it took too long. */
async function endOfLoading(warm: WarmProcess, { manifest }: RunnableModule) {
  const end = await warm.gone
  if (!warm.loadTimedOut) return end
  const limit = `load_timeout_seconds (${manifest.loadTimeoutSeconds} s)`
  return { ...end, stderrTail: [...end.stderrTail, `${manifest.name} was not ready within ${limit}`] }
}

/** `undefined` when the signal came first. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const enough = new AbortController()
  const both = AbortSignal.any([signal, enough.signal])
  const aborted = sleep(2 ** 31 - 1, both).then(() => undefined)
  try {
    return await Promise.race([work, aborted])
  } finally {
    enough.abort()
  }
}
