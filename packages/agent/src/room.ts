import type { Gpu, Offer } from '@millrace/shared'

type Sized = { minRamBytes: number; minVramBytes: number; usesGpu: boolean }
export type Occupied = Sized & { gpu?: string; worker?: string | null }
/** How many runs of one worker there may be at once. */
export type Limit = { worker: string; runs: number }
export type Space = { maxRuns: number; ramBytes: number; gpus: Gpu[]; occupied: Occupied[] }

/** How many more runs of a module fit beside those under way. */
export function roomFor(module: Sized, space: Space): number {
  const slots = space.maxRuns - space.occupied.length
  const freeRam = space.ramBytes - sum(space.occupied.map(({ minRamBytes }) => minRamBytes))
  const byRam = module.minRamBytes > 0 ? Math.floor(freeRam / module.minRamBytes) : slots
  return Math.max(0, Math.min(slots, byRam, roomOnGpus(module, space)))
}

/** Whether a worker is at as many runs as it may have. */
export const isReached = (limit: Limit | null, occupied: readonly Occupied[]): boolean =>
  limit !== null && occupied.filter(({ worker }) => worker === limit.worker).length >= limit.runs

/** The GPU with most room for a run, by uuid; `undefined` when there is none to choose from. */
export function chooseGpu(module: Sized, space: Space): string | undefined {
  if (!module.usesGpu) return undefined
  const byRoom = space.gpus.toSorted((a, b) => freeOn(b, space) - freeOn(a, space))
  return byRoom[0]?.uuid
}

/** Without a known GPU nothing is held back: the module's own test decided that it works here. */
function roomOnGpus(module: Sized, space: Space): number {
  if (!module.usesGpu || module.minVramBytes === 0 || space.gpus.length === 0) return Number.POSITIVE_INFINITY
  return sum(space.gpus.map((gpu) => Math.max(0, Math.floor(freeOn(gpu, space) / module.minVramBytes))))
}

/** What is promised to runs counts even while they do not use it yet; what others use counts too. */
function freeOn(gpu: Gpu, { occupied }: Space): number {
  const promised = sum(occupied.filter((run) => run.gpu === gpu.uuid).map(({ minVramBytes }) => minVramBytes))
  return gpu.memoryTotal - Math.max(promised, gpu.memoryUsed ?? 0)
}

const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0)

/** One offer per module that the API knows to be available here. */
export function offersOf(
  modules: { name: string; version: string; digest: string; manifest: { resources: Sized } }[],
  space: Space,
): Offer[] {
  return modules.map(({ name, version, digest, manifest }) => ({
    module: name,
    version,
    digest,
    max: roomFor(manifest.resources, space),
    warm: 0,
  }))
}
