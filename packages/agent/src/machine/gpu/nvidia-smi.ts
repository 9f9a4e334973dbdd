import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Gpu } from '@millrace/shared/for-agents'

const run = promisify(execFile)
const gpuFields = ['uuid', 'name', 'memory.total', 'memory.used', 'utilization.gpu', 'driver_version']
const processFields = ['gpu_uuid', 'pid', 'used_memory']
const MiB = 1024 * 1024

/** The memory of one process on one GPU. */
export type GpuHold = { gpu: string; pid: number; bytes: number }

/** The GPUs that work, and the lines about faulty ones. */
export type Seen = { gpus: Gpu[]; troubles: string[] }

/**
 * The GPUs of this machine as their driver sees them now. A lost one may fail the whole command; the GPUs that it still
 * reported count. Throws the error of `execFile` when it reported none.
 */
export async function listGpus(program: string, signal: AbortSignal): Promise<Seen> {
  try {
    return parseGpus(await ask(program, `--query-gpu=${gpuFields.join(',')}`, signal))
  } catch (error) {
    const seen = parseGpus(stdoutOf(error))
    if (signal.aborted || seen.gpus.length === 0) throw error
    return seen
  }
}

/** The memory of each process; `null` where the driver does not report it (Windows under WDDM, containers). */
export async function listHolds(program: string, signal: AbortSignal): Promise<GpuHold[] | null> {
  return parseHolds(await ask(program, `--query-compute-apps=${processFields.join(',')}`, signal))
}

async function ask(program: string, query: string, signal: AbortSignal): Promise<string> {
  const args = [query, '--format=csv,noheader,nounits']
  const { stdout } = await run(program, args, { timeout: 5000, signal, windowsHide: true })
  return stdout
}

/** The output of a failed command. */
export const stdoutOf = (error: unknown): string =>
  error instanceof Error && 'stdout' in error && typeof error.stdout === 'string' ? error.stdout : ''

/** Lines of `nvidia-smi`; `[N/A]` and the like mean unknown, also for memory that a GPU shares with the machine. */
export function parseGpus(csv: string): Seen {
  const seen: Seen = { gpus: [], troubles: [] }
  for (const fields of rows(csv)) {
    const [uuid = '', name = '', total, used, load, driver] = fields
    if (!/^(?:GPU|MIG)-\S+$/i.test(uuid) || name === '' || fields.slice(2).some(isFault)) {
      seen.troubles.push(fields.join(', ').slice(0, 300))
      continue
    }
    const memoryUsed = numberIn(used)
    seen.gpus.push({
      uuid,
      name,
      memoryTotal: (numberIn(total) ?? 0) * MiB,
      memoryUsed: memoryUsed === null ? null : memoryUsed * MiB,
      reserved: [],
      utilization: numberIn(load),
      driverVersion: driver && /^[\d.]+$/.test(driver) ? driver : null,
    })
  }
  return seen
}

/** `[Unknown Error]`, `[GPU is lost]`, `[GPU requires reset]`: a fault, not just an unknown figure. */
const isFault = (field: string): boolean => /error|\blost\b|\breset\b|\bERR!/i.test(field)

/** `null` with one unknown figure: the memory of other programs is the remainder of all known figures. */
export function parseHolds(csv: string): GpuHold[] | null {
  const holds: GpuHold[] = []
  for (const [gpu, pid, used] of rows(csv)) {
    const id = numberIn(pid)
    if (!gpu || id === null) continue
    const held = numberIn(used)
    if (held === null) return null
    holds.push({ gpu, pid: id, bytes: held * MiB })
  }
  return holds
}

const rows = (csv: string): string[][] =>
  csv
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.split(',').map((field) => field.trim()))

const numberIn = (text: string | undefined): number | null =>
  text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : null
