import type { Priority } from '@millrace/shared'

const order: Record<Priority, string> = { high: '1', normal: '2', low: '3' }

/**
 * The rank of a ready entry in the queue, smallest first: priority, then fair-queue position (see `Shares`), then age.
 * Fixed when the task becomes ready, so that the claim is one sorted read.
 */
export function rankOf(entry: { priority: Priority; place: number; queuedAt: Date; task: string }): string {
  const place = String(entry.place).padStart(12, '0')
  const age = String(entry.queuedAt.getTime()).padStart(15, '0')
  return `${order[entry.priority]}.${place}.${age}.${entry.task}`
}

/** The fair-queue position in a rank. */
export const positionIn = (rank: string): number => Number(rank.split('.')[1] ?? 0)
