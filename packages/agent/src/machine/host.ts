import { statfs } from 'node:fs/promises'
import { arch, availableParallelism, freemem, hostname, loadavg, platform, totalmem } from 'node:os'
import type { HeartbeatRequest, Platform } from '@millrace/shared/for-agents'

/** The kind of this machine. */
export const describePlatform = (): Platform => ({
  os: platform(),
  arch: arch(),
  cpus: availableParallelism(),
  memoryBytes: totalmem(),
  hostname: hostname(),
})

/** The current load; `cpu` is the share of all cores over the last minute. */
export async function measureLoad(home: string): Promise<NonNullable<HeartbeatRequest['load']>> {
  const { bavail, bsize } = await statfs(home)
  const cpu = (loadavg()[0] ?? 0) / availableParallelism()
  return { cpu, freeRamBytes: freemem(), freeDiskBytes: bavail * bsize }
}

export type MachineMemory = { totalBytes: number; availableBytes: number }

/** A system call takes half a millisecond, and one round of offers needs the value for every module. */
const availableBytes = keptFor(10, () => process.availableMemory())
/** The limit of a container may be raised while it runs. */
const totalBytes = keptFor(10_000, () => {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
})

/** The memory of the machine or its container, and how much the system could still allocate. */
export const memoryNow = (): MachineMemory => ({
  totalBytes: totalBytes(),
  availableBytes: Math.min(availableBytes(), totalBytes()),
})

function keptFor(ms: number, look: () => number): () => number {
  let seen = 0
  let until = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now > until) {
      seen = look()
      until = now + ms
    }
    return seen
  }
}
