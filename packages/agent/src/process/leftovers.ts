import { readdirSync, readFileSync } from 'node:fs'
import type { Job } from './job-object.ts'

/** Every process of a run inherits this variable, so that one that left its group is found all the same. */
export const markerVariable = 'MILLRACE_PROCESS'

/**
 * What is known about a process tree: its group, its marker, whether it may be as old as the machine, and its job
 * where it has one.
 */
export type Tree = { group: number; marker: string; longLived: boolean; job?: Job | null }

/** Ids of the living processes of a tree; a process group is the negative id of its leader. Zombies are gone. */
export function leftovers(tree: Tree): number[] {
  if (process.platform === 'win32') return tree.job?.processes() ?? []
  const group = groupLives(tree.group) ? [-tree.group] : []
  return process.platform === 'linux' ? [...group, ...strayed(tree)] : group
}

/** Sends a signal to each; one that has ended meanwhile is what we want. */
export function signalAll(ids: number[], signal: NodeJS.Signals): void {
  for (const id of ids) trySignal(id, signal)
}

/** `false` when there is no such process (or group) any more. */
function trySignal(id: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(id, signal)
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

function groupLives(group: number): boolean {
  if (!trySignal(-group, 0)) return false
  if (process.platform !== 'linux') return true
  // Signals reach zombies too, and nobody may ever reap them: only the state tells.
  return processes().some((pid) => {
    const [state, , itsGroup] = statOf(pid)
    return itsGroup === String(group) && state !== 'Z' && state !== 'X'
  })
}

/** Processes that carry the marker outside the group. */
function strayed(tree: Tree): number[] {
  const entry = `${markerVariable}=${tree.marker}`
  return candidates(tree).filter((pid) => {
    if (!readProc(`${pid}/environ`).includes(entry)) return false
    const [state, , itsGroup] = statOf(pid)
    return itsGroup !== String(tree.group) && state !== undefined && state !== 'Z' && state !== 'X'
  })
}

/** Up to so many ids are tried one by one; listing all of a machine's processes costs more. */
const fewIds = 100

/**
 * Which processes may be descendants. Ids are given out in rising order, so they are those above the
 * leader's, unless the count has started again from the beginning since.
 */
function candidates({ group, longLived }: Tree): number[] {
  const last = lastPid()
  if (longLived || last < group) return processes()
  if (last - group > fewIds) return processes().filter((pid) => pid > group)
  return Array.from({ length: last - group }, (_, at) => group + 1 + at)
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** State, parent and group; the name before them may contain anything, brackets too. */
function statOf(pid: number): string[] {
  const stat = readProc(`${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ', 3)
}

function lastPid(): number {
  return Number(readProc('loadavg').trim().split(' ').at(-1))
}

/** Empty for a process that has ended or belongs to somebody else: neither is ours. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'latin1')
  } catch {
    return ''
  }
}
