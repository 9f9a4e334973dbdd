import type { RunUsage } from '@millrace/shared/for-agents'
import { type ProcessEntry, processTable, readProc } from '../stop/process-table.ts'

const everyMs = 1000
/** Linux reports processor time to user space in hundredths of a second, whatever the kernel's tick. */
const ticksPerSecond = 100

/** The memory of a whole process tree. `exactly` counts shared memory once, and takes longer. */
export type TreeMemory = { residentBytes: number; exactly(): number }

/**
 * Measures what a process and all its descendants use, on Linux, once a second. A run of under a second is not
 * measured: the cost would exceed the benefit.
 */
export function watchUsage(
  pid: number,
  onMemory?: (memory: TreeMemory) => void,
): { end(): RunUsage; pids(): number[] } {
  let peak = 0
  const ticks = new Map<string, number>()
  const members = descendants(pid)
  if (process.platform !== 'linux') return { end: () => unmeasured, pids: () => [] }
  const timer = setInterval(() => {
    const tree = members()
    if (tree.length === 0) return
    for (const entry of tree) ticks.set(idOf(entry), entry.ticks)
    const residentBytes = tree.reduce((sum, entry) => sum + entry.residentBytes, 0)
    peak = Math.max(peak, residentBytes, highWaterOf(pid))
    onMemory?.({ residentBytes, exactly: () => tree.reduce((sum, entry) => sum + shareOf(entry), 0) })
  }, everyMs)
  timer.unref()
  return {
    pids: () => members().map((entry) => entry.pid),
    end() {
      clearInterval(timer)
      if (ticks.size === 0) return unmeasured
      // A parent's time includes that of its ended children, so the last measurement of each may count some time twice.
      const all = [...ticks.values()].reduce((sum, some) => sum + some, 0)
      return { peakRamBytes: peak, peakVramBytes: null, cpuSeconds: all / ticksPerSecond }
    },
  }
}

const unmeasured: RunUsage = { peakRamBytes: null, peakVramBytes: null, cpuSeconds: null }

const idOf = ({ pid, startTime }: ProcessEntry): string => `${pid} ${startTime}`

/** The members of a tree at each look: by group, session or parent, or as members at an earlier look. */
function descendants(leader: number): () => ProcessEntry[] {
  let known = new Set<string>()
  return () => {
    const pids = new Set([leader])
    const belongs = (entry: ProcessEntry) =>
      entry.pid === leader ||
      entry.group === leader ||
      entry.session === leader ||
      pids.has(entry.parent) ||
      known.has(idOf(entry))
    const tree: ProcessEntry[] = []
    // Parents have lower ids than their children, unless ids have wrapped around: then the next look finds the children.
    for (const entry of processTable().toSorted((a, b) => a.pid - b.pid)) {
      if (!belongs(entry)) continue
      pids.add(entry.pid)
      tree.push(entry)
    }
    known = new Set(tree.map(idOf))
    return tree
  }
}

/** The highest memory so far, including peaks between two looks. */
function highWaterOf(pid: number): number {
  return kilobytes(/^VmHWM:\s+(\d+) kB/m.exec(readProc(`${pid}/status`))?.[1])
}

/** Its private memory, and its share of shared memory. */
function shareOf({ pid, residentBytes }: ProcessEntry): number {
  const share = /^Pss:\s+(\d+) kB/m.exec(readProc(`${pid}/smaps_rollup`))?.[1]
  return share === undefined ? residentBytes : kilobytes(share)
}

const kilobytes = (text: string | undefined): number => Number(text ?? 0) * 1024
