import { isTerminal, type Settings } from '@millrace/shared'
import type { RunDoc } from '../../store/documents/run.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

const dayMs = 24 * 3600 * 1000

/** Whatever ended before this is past its retention time; `null`: no limit. */
export const dueBefore = (days: number | null, now: Date): Date | null =>
  days === null ? null : new Date(now.getTime() - days * dayMs)

/** An ended task without an open marker. A task that may still change is not history, whatever its age. */
export const isHistory = (task: TaskDoc): boolean => isTerminal(task.status) && task.settle === null

/** A run can be overdue only if its task has ended or was removed. */
export const isOverdue = (run: RunDoc, task: TaskDoc | null, before: Date): boolean =>
  run.finishedAt !== null && run.finishedAt <= before && (task === null || isHistory(task))

/** The retention days of logs where they end before those of runs. `null`: a log is removed with its run. */
export function daysOfLogs({ retentionDays: { logs, runs } }: Settings): number | null {
  return logs === null || (runs !== null && runs <= logs) ? null : logs
}

/** For a scan in the order of the ends, a page at a time: where the next page begins. */
export function nextLook(
  ends: readonly Date[],
  { full, removed, towards }: { full: boolean; removed: number; towards: 'newer' | 'older' },
): string | null {
  const [first, last] = [ends[0], ends.at(-1)]
  if (!full || !first || !last) return null
  // A page that all ended in one millisecond and stays would otherwise be read in an endless loop.
  const isStuck = removed === 0 && first.getTime() === last.getTime()
  const step = towards === 'newer' ? 1 : -1
  return new Date(last.getTime() + (isStuck ? step : 0)).toISOString()
}
