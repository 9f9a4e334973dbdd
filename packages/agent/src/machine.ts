import { statfs } from 'node:fs/promises'
import { arch, availableParallelism, freemem, hostname, loadavg, platform, totalmem } from 'node:os'
import type { HeartbeatRequest, Platform } from '@millrace/shared'

/** What kind of machine this is. */
export const describePlatform = (): Platform => ({
  os: platform(),
  arch: arch(),
  cpus: availableParallelism(),
  memoryBytes: totalmem(),
  hostname: hostname(),
})

/** How busy it is now; `cpu` is the share of all cores over the last minute. */
export async function measureLoad(home: string): Promise<NonNullable<HeartbeatRequest['load']>> {
  const { bavail, bsize } = await statfs(home)
  const cpu = (loadavg()[0] ?? 0) / availableParallelism()
  return { cpu, freeRamBytes: freemem(), freeDiskBytes: bavail * bsize }
}

/** The machine's memory (or that of its container), and what of it the system would still give away. */
export function memoryNow(): { totalBytes: number; availableBytes: number } {
  const limit = process.constrainedMemory()
  const totalBytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  return { totalBytes, availableBytes: Math.min(process.availableMemory(), totalBytes) }
}
