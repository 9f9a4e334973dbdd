import type { Gpu } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import { pause } from '../backoff.ts'
import { type GpuHold, listGpus, listHolds } from './nvidia-smi.ts'

const everyMs = 5000

/**
 * One look at all GPUs. `holds`: what each process had there just before, `holdsAfter`: just after, where the driver
 * tells; it cannot be asked for both at once.
 */
export type GpuReading = { gpus: Gpu[]; holds: GpuHold[] | null; holdsAfter: GpuHold[] | null; at: number }

/** Watches the NVIDIA GPUs of this machine until the signal; without any (or their tool) it looks only once. */
export class Gpus {
  #reading: GpuReading = { gpus: [], holds: null, holdsAfter: null, at: Number.NEGATIVE_INFINITY }
  #looking: Promise<GpuReading> | null = null
  readonly #first = Promise.withResolvers<void>()
  readonly #onReading: () => void

  constructor(onReading: () => void = () => undefined) {
    this.#onReading = onReading
  }

  get reading(): GpuReading {
    return this.#reading
  }

  get current(): Gpu[] {
    return this.#reading.gpus
  }

  /** What there is, as soon as that is known. */
  async known(): Promise<readonly Gpu[]> {
    await this.#first.promise
    return this.current
  }

  /** A reading that begins after this call. */
  async look(signal: AbortSignal): Promise<GpuReading> {
    // How that one went is told to whoever asked for it.
    await this.#looking?.catch(() => undefined)
    this.#looking ??= this.#look(signal).finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async watch(logger: Logger, signal: AbortSignal): Promise<void> {
    try {
      await this.#watch(logger, signal)
    } finally {
      this.#first.resolve()
    }
  }

  async #watch(logger: Logger, signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      try {
        await this.look(signal)
        this.#first.resolve()
        if (this.current.length === 0) return
        failures = 0
      } catch (err) {
        if (signal.aborted || isMissing(err)) return
        failures += 1
        if (failures === 1) logger.warn({ err }, 'nvidia-smi does not answer; trying on')
        // A machine whose driver never answered is one without a GPU; a driver that is busy comes back.
        if (failures >= 3) this.#first.resolve()
        if (failures >= 3 && this.current.length === 0) return
      }
      await pause(everyMs, signal)
    }
  }

  async #look(signal: AbortSignal): Promise<GpuReading> {
    const at = performance.now()
    const holds = await holdsOrNull(signal)
    const gpus = await listGpus(signal)
    const holdsAfter = holds && (await holdsOrNull(signal))
    this.#reading = { gpus, holds, holdsAfter, at }
    this.#onReading()
    return this.#reading
  }
}

const holdsOrNull = (signal: AbortSignal): Promise<GpuHold[] | null> =>
  listHolds(signal).catch((error: unknown) => {
    if (isMissing(error)) throw error
    return null
  })

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
