import { readFileSync } from 'node:fs'
import type { RunUsage } from '@millrace/shared'

const everyMs = 1000
/** Linux counts processor time in hundredths of a second for user space, whatever the kernel's own tick. */
const ticksPerSecond = 100

/**
 * Watches what a process uses, on Linux, once a second. A run of under a second is not measured: looking at
 * it would cost more than the answer is worth. Children count for processor time once they have ended.
 */
export function watchUsage(pid: number): { end(): RunUsage } {
  let usage: RunUsage = { peakRamBytes: null, peakVramBytes: null, cpuSeconds: null }
  if (process.platform !== 'linux') return { end: () => usage }
  const timer = setInterval(() => {
    usage = sample(pid) ?? usage
  }, everyMs)
  timer.unref()
  return {
    end() {
      clearInterval(timer)
      return usage
    },
  }
}

function sample(pid: number): RunUsage | null {
  try {
    const [, peak] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    if (peak === undefined) return null
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // Fields 14 to 17: user and system time, its own and that of its ended children.
    const times = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 15)
    const ticks = times.reduce((sum, time) => sum + Number(time), 0)
    return { peakRamBytes: Number(peak) * 1024, peakVramBytes: null, cpuSeconds: ticks / ticksPerSecond }
  } catch {
    // It ended between two reads: the sample before this one stands.
    return null
  }
}
