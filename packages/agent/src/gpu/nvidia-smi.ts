import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Gpu } from '@millrace/shared/for-agents'

const run = promisify(execFile)
const gpuFields = ['uuid', 'name', 'memory.total', 'memory.used', 'utilization.gpu', 'driver_version']
const processFields = ['gpu_uuid', 'pid', 'used_memory']
const MiB = 1024 * 1024

/** What one process holds on one GPU. */
export type GpuHold = { gpu: string; pid: number; bytes: number }

/** The GPUs of this machine as their driver sees them now. Throws what `execFile` throws. */
export async function listGpus(signal: AbortSignal): Promise<Gpu[]> {
  return parseGpus(await ask(`--query-gpu=${gpuFields.join(',')}`, signal))
}

/** What each process holds; `null` where the driver does not tell (Windows under WDDM, containers). */
export async function listHolds(signal: AbortSignal): Promise<GpuHold[] | null> {
  return parseHolds(await ask(`--query-compute-apps=${processFields.join(',')}`, signal))
}

async function ask(query: string, signal: AbortSignal): Promise<string> {
  const args = [query, '--format=csv,noheader,nounits']
  const { stdout } = await run('nvidia-smi', args, { timeout: 5000, signal, windowsHide: true })
  return stdout
}

/** Lines of `nvidia-smi`; `[N/A]` and its like read as unknown. */
export function parseGpus(csv: string): Gpu[] {
  const gpus: Gpu[] = []
  for (const [uuid, name, total, used, load, driver] of rows(csv)) {
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

/** One unknown figure makes the whole picture useless: what is not ours is what is left over. */
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
