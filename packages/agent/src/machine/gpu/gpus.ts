import type { Gpu } from '@millrace/shared/for-agents'
import { sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import type { AgentSignals } from '../../signals/agent-signals.ts'
import { findSmi } from './find-smi.ts'
import { type GpuHold, listGpus, listHolds, type Seen, stdoutOf } from './nvidia-smi.ts'

const everyMs = 5000
/** Without a GPU the interval grows up to this: a driver may be loaded later, or a card installed. */
const longestPauseMs = 60_000
/** A busy driver recovers; after this time without a GPU it counts as a driver without GPUs. */
const patienceMs = 2 * everyMs - 100

/**
 * One reading of all GPUs. `holds` and `holdsAfter`: the memory of each process just before and just after it, where the
 * driver reports it; `nvidia-smi` cannot report both at once.
 */
export type GpuReading = { gpus: Gpu[]; holds: GpuHold[] | null; holdsAfter: GpuHold[] | null; at: number }

/** No driver, or one that shows no GPU. */
class NoGpus extends Error {
  override name = 'NoGpus'
}

type GpuSignals = Pick<AgentSignals, 'gpusRead' | 'gpusChanged' | 'capacityChanged'>

/** Watches the NVIDIA GPUs of this machine until the signal, also while it has none. */
export class Gpus {
  #reading: GpuReading = { gpus: [], holds: null, holdsAfter: null, at: Number.NEGATIVE_INFINITY }
  #looking: Promise<GpuReading> | null = null
  /** The driver's tool that showed GPUs. */
  #program: string | null = null
  #troubles: string[] = []
  #withoutSince: number | null = null
  #logged = ''
  readonly #first = Promise.withResolvers<void>()
  readonly #signals: GpuSignals

  constructor(signals: GpuSignals) {
    this.#signals = signals
  }

  get reading(): GpuReading {
    return this.#reading
  }

  get current(): Gpu[] {
    return this.#reading.gpus
  }

  /** The GPUs, as soon as the first reading is complete. */
  async known(): Promise<readonly Gpu[]> {
    await this.#first.promise
    return this.current
  }

  /** A reading that begins after this call. */
  async look(signal: AbortSignal): Promise<GpuReading> {
    // The caller of that reading handles its failure.
    await this.#looking?.catch(() => undefined)
    this.#looking ??= this.#look(signal).finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async watch(logger: Logger, signal: AbortSignal): Promise<void> {
    try {
      for (let pauseMs = everyMs; !signal.aborted; await sleep(pauseMs, signal)) {
        const error = await this.look(signal).then(
          () => null,
          (caught: unknown) => caught,
        )
        if (signal.aborted) return
        const isMissing = error instanceof NoGpus && error.cause === undefined
        if (error === null || isMissing || this.#isForLong) this.#first.resolve()
        this.#tell(logger, error)
        const isLate = this.current.length === 0 && this.#isForLong
        pauseMs = isLate ? Math.min(pauseMs * 2, longestPauseMs) : everyMs
      }
    } finally {
      this.#first.resolve()
    }
  }

  get #isForLong(): boolean {
    return this.#withoutSince !== null && performance.now() - this.#withoutSince >= patienceMs
  }

  async #look(signal: AbortSignal): Promise<GpuReading> {
    try {
      const program = this.#program ?? (await findWorking(signal))
      const at = performance.now()
      const holds = await holdsOrNull(program, signal)
      const { gpus, troubles } = withGpus(await listGpus(program, signal))
      const holdsAfter = holds && (await holdsOrNull(program, signal))
      this.#program = program
      this.#withoutSince = null
      this.#take({ gpus, holds, holdsAfter, at }, troubles)
    } catch (error) {
      if (signal.aborted) throw error
      this.#program = null
      this.#withoutSince ??= performance.now()
      // Only an answer without GPUs removes them; a missing answer may be temporary.
      const isGone = error instanceof NoGpus && this.#isForLong && this.current.length > 0
      if (isGone) this.#take({ gpus: [], holds: null, holdsAfter: null, at: performance.now() }, [])
      throw error
    }
    return this.#reading
  }

  #take(reading: GpuReading, troubles: string[]): void {
    const before = keyOf(this.current)
    this.#reading = reading
    this.#troubles = troubles
    this.#signals.gpusRead.emit()
    if (keyOf(reading.gpus) === before) return
    this.#signals.gpusChanged.emit(reading.gpus)
    this.#signals.capacityChanged.emit()
  }

  /** Logs each new state once. */
  #tell(logger: Logger, error: unknown): void {
    const gpus = this.current.map(({ uuid, name }) => `${name} (${uuid})`)
    const troubles = error === null ? this.#troubles : [reasonOf(error)]
    const state = JSON.stringify([gpus, troubles])
    if (state === this.#logged) return
    this.#logged = state
    if (error === null && troubles.length === 0) logger.info({ gpus }, 'GPUs found')
    else if (error === null) logger.warn({ gpus, troubles }, 'not all GPUs work; continuing with the others')
    else if (error instanceof NoGpus && error.cause === undefined && gpus.length === 0)
      logger.info('no nvidia-smi on this machine, so no GPU; retrying')
    else if (gpus.length === 0) logger.warn({ troubles }, 'nvidia-smi shows no GPU; retrying')
    else logger.warn({ gpus, troubles }, 'nvidia-smi does not answer; retrying with the last known GPUs')
  }
}

/** The first tool that shows GPUs. Else throws the first tool's error, or `NoGpus` without a cause if none exists. */
async function findWorking(signal: AbortSignal): Promise<string> {
  const reasons: unknown[] = []
  for (const program of await findSmi()) {
    try {
      withGpus(await listGpus(program, signal))
      return program
    } catch (error) {
      signal.throwIfAborted()
      reasons.push(error)
    }
  }
  throw reasons[0] ?? new NoGpus('no nvidia-smi found')
}

function withGpus(seen: Seen): Seen {
  if (seen.gpus.length > 0) return seen
  const said = seen.troubles.join('; ') || 'nothing'
  throw new NoGpus('nvidia-smi shows no GPU', { cause: `output: ${said}` })
}

/** The tool's output, or else the error. */
function reasonOf(error: unknown): string {
  const cause = error instanceof NoGpus ? error.cause : error
  const said = stdoutOf(cause).trim() || (cause instanceof Error ? cause.message : String(cause ?? error))
  return (said.split('\n')[0] ?? '').slice(0, 300)
}

/** A GPU with another driver counts as another GPU: modules were tested on the old one. */
const keyOf = (gpus: readonly Gpu[]): string =>
  JSON.stringify(gpus.map(({ uuid, driverVersion }) => [uuid, driverVersion]).sort())

const holdsOrNull = (program: string, signal: AbortSignal): Promise<GpuHold[] | null> =>
  listHolds(program, signal).catch(() => null)
