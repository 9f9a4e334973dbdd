import type { Priority } from '@millrace/shared'

const order: Record<Priority, string> = { high: '1', normal: '2', low: '3' }

/**
 * Where a ready entry stands in the queue; smaller goes first: priority, then the caller's place (see `Shares`), then
 * age. Fixed when the task becomes ready, so that the claim is one sorted read.
 */
export function rankOf(entry: { priority: Priority; place: number; queuedAt: Date; task: string }): string {
  const place = String(entry.place).padStart(12, '0')
  const age = String(entry.queuedAt.getTime()).padStart(15, '0')
  return `${order[entry.priority]}.${place}.${age}.${entry.task}`
}

/** The place that stands in a rank. */
export const positionIn = (rank: string): number => Number(rank.split('.')[1] ?? 0)
