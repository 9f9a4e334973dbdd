import { hasCode } from '@millrace/std/fs'
import type { Job } from './job-object.ts'
import { entryOf, processIds, readProc } from './process-table.ts'
import { markOf } from './process-tag.ts'

/** Every process of a run inherits this variable, so that the agent also finds one that left its group. */
export const markerVariable = 'MILLRACE_PROCESS'

/**
 * What identifies a process tree: its group, its marker, whether ids may have wrapped around since its start, and its job
 * where it has one.
 */
export type Tree = { group: number; marker: string; longLived: boolean; job?: Job | null }

/** Ids of the living processes of a tree; a process group is the negative id of its leader. Zombies do not count. */
export function processTree(tree: Tree): number[] {
  if (process.platform === 'win32') return tree.job?.processes() ?? []
  const group = groupLives(tree.group) ? [-tree.group] : []
  return process.platform === 'linux' ? [...group, ...strayed(tree)] : group
}

/** Whether a process carries a marker: in its environment or, if it cleared that, in its tag. */
export function carries(pid: number, marker: string): boolean {
  if (marker === '') return false
  return (
    readProc(`${pid}/environ`).includes(`${markerVariable}=${marker}`) ||
    readProc(`${pid}/limits`).includes(` ${markOf(marker)} `)
  )
}

/** Sends a signal to each; a process that has ended meanwhile is no error. */
export function signalAll(ids: number[], signal: NodeJS.Signals): void {
  for (const id of ids) {
    trySignal(id, signal)
    // A suspended process reacts only to SIGCONT and SIGKILL.
    if (signal === 'SIGTERM') trySignal(id, 'SIGCONT')
  }
}

/** `false` when the process or group no longer exists. */
function trySignal(id: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(id, signal)
  } catch (error) {
    return !hasCode(error, 'ESRCH')
  }
}

function groupLives(group: number): boolean {
  if (!trySignal(-group, 0)) return false
  if (process.platform !== 'linux') return true
  // Signals also reach zombies, and a zombie may never be reaped: only the state decides.
  return processIds().some((pid) => entryOf(pid)?.group === group)
}

/** Processes of the tree outside its group. */
function strayed(tree: Tree): number[] {
  return candidates(tree).filter((pid) => {
    const entry = entryOf(pid)
    if (!entry || entry.group === tree.group) return false
    return entry.session === tree.group || carries(pid, tree.marker)
  })
}

/** Up to this number of ids, checking each is cheaper than listing all of the machine's processes. */
const fewIds = 100

/**
 * The ids that may be descendants. Linux assigns ids in rising order, so they are those above the
 * leader's, unless ids have wrapped around since.
 */
function candidates({ group, longLived }: Tree): number[] {
  const last = lastPid()
  if (longLived || last < group) return processIds()
  if (last - group > fewIds) return processIds().filter((pid) => pid > group)
  return Array.from({ length: last - group }, (_, at) => group + 1 + at)
}

function lastPid(): number {
  return Number(readProc('loadavg').trim().split(' ').at(-1))
}
