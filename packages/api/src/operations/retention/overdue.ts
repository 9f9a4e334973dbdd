import { isTerminal, type Settings } from '@millrace/shared'
import type { RunDoc } from '../../store/documents/run.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

const dayMs = 24 * 3600 * 1000

/** What ended before this is past its days; `null`: it is kept. */
export const dueBefore = (days: number | null, now: Date): Date | null =>
  days === null ? null : new Date(now.getTime() - days * dayMs)

/** A task that may still change anything is none of the history yet, however old its first attempts are. */
export const isHistory = (task: TaskDoc): boolean => isTerminal(task.status) && task.settle === null

/** An attempt is past its days only together with a task that has ended, or with none. */
export const isOverdue = (run: RunDoc, task: TaskDoc | null, before: Date): boolean =>
  run.finishedAt !== null && run.finishedAt <= before && (task === null || isHistory(task))

/** After how many days a log goes: by its own number, or with its run. `null`: not by itself. */
export function daysOfLogs({ retentionDays: { logs, runs } }: Settings): number | null {
  return logs === null || (runs !== null && runs <= logs) ? null : logs
}

/** Things in the order of their ends, some at a time: where the next look goes on. */
export function nextLook(
  ends: readonly Date[],
  { full, removed, towards }: { full: boolean; removed: number; towards: 'newer' | 'older' },
): string | null {
  const [first, last] = [ends[0], ends.at(-1)]
  if (!full || !first || !last) return null
  // What stays and all ended in one millisecond would be found again for ever.
  const isStuck = removed === 0 && first.getTime() === last.getTime()
  const step = towards === 'newer' ? 1 : -1
  return new Date(last.getTime() + (isStuck ? step : 0)).toISOString()
}
