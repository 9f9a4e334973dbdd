import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Gpu } from '@millrace/shared'
import type { Logger } from 'pino'
import { pause } from './backoff.ts'

const run = promisify(execFile)
const fields = ['uuid', 'name', 'memory.total', 'memory.used', 'utilization.gpu', 'driver_version']
const everyMs = 5000
const MiB = 1024 * 1024

/** Watches the NVIDIA GPUs of this machine until the signal; without any (or their tool) it looks only once. */
export class Gpus {
  #current: Gpu[] = []
  readonly #first = Promise.withResolvers<readonly Gpu[]>()

  get current(): Gpu[] {
    return this.#current
  }

  /** What there is, as soon as that is known. */
  async known(): Promise<readonly Gpu[]> {
    await this.#first.promise
    return this.#current
  }

  async watch(logger: Logger, signal: AbortSignal): Promise<void> {
    try {
      await this.#watch(logger, signal)
    } finally {
      this.#first.resolve([])
    }
  }

  async #watch(logger: Logger, signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted && failures < 3) {
      try {
        this.#current = await listGpus(signal)
        this.#first.resolve(this.#current)
        if (this.#current.length === 0) return
        failures = 0
      } catch (err) {
        if (signal.aborted || isMissing(err)) return
        failures += 1
        logger.warn({ err }, 'nvidia-smi does not answer')
      }
      await pause(everyMs, signal)
    }
  }
}

async function listGpus(signal: AbortSignal): Promise<Gpu[]> {
  const args = [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits']
  const { stdout } = await run('nvidia-smi', args, { timeout: 5000, signal, windowsHide: true })
  return parseGpus(stdout)
}

/** Lines of `nvidia-smi`; `[N/A]` and its like read as unknown. */
export function parseGpus(csv: string): Gpu[] {
  const gpus: Gpu[] = []
  for (const line of csv.split('\n')) {
    const [uuid, name, total, used, load, driver] = line.split(',').map((field) => field.trim())
    const memoryTotal = numberIn(total)
    if (!uuid || !name || memoryTotal === null) continue
    const memoryUsed = numberIn(used)
    gpus.push({
      uuid,
      name,
      memoryTotal: memoryTotal * MiB,
      memoryUsed: memoryUsed === null ? null : memoryUsed * MiB,
      reserved: [],
      utilization: numberIn(load),
      driverVersion: driver && /^[\d.]+$/.test(driver) ? driver : null,
    })
  }
  return gpus
}

const numberIn = (text: string | undefined): number | null =>
  text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : null

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
