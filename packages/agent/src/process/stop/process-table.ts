import { readdirSync, readFileSync } from 'node:fs'

/** A living process, as Linux lists it. `startTime`, in ticks since boot, distinguishes processes with the same id. */
export type ProcessEntry = {
  pid: number
  parent: number
  group: number
  session: number
  startTime: string
  ticks: number
  residentBytes: number
}

const freshMs = 200
let last: { at: number; entries: ProcessEntry[] } = { at: Number.NEGATIVE_INFINITY, entries: [] }

/** All living processes; callers within a moment share one reading. Empty on systems without /proc. */
export function processTable(): ProcessEntry[] {
  if (performance.now() - last.at < freshMs) return last.entries
  const entries = processIds().flatMap((pid) => entryOf(pid) ?? [])
  last = { at: performance.now(), entries }
  return entries
}

export function processIds(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}

/** `null` when it has ended: a zombie may never be reaped, so its state decides. */
export function entryOf(pid: number): ProcessEntry | null {
  const stat = readProc(`${pid}/stat`)
  // The name before these fields may contain anything, even brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const at = (n: number) => Number(fields[n])
  const [state] = fields
  if (stat === '' || state === 'Z' || state === 'X') return null
  return {
    pid,
    parent: at(1),
    group: at(2),
    session: at(3),
    ticks: at(11) + at(12) + at(13) + at(14),
    startTime: fields[19] ?? '',
    residentBytes: at(21) * pageBytes(),
  }
}

/** Empty for a process that has ended or belongs to another user: neither belongs to a run. */
export function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'latin1')
  } catch {
    return ''
  }
}

let pageSize: number | undefined
function pageBytes(): number {
  pageSize ??= Number(/^KernelPageSize:\s+(\d+) kB/m.exec(readProc('self/smaps'))?.[1] ?? 4) * 1024
  return pageSize
}
