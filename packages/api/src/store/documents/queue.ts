import { AgentId, type Priority, RunId } from '@millrace/shared'
import { z } from 'zod'
import { doc } from './base.ts'
import { QueueEntry, TaskDoc } from './task.ts'

/** What a claim reads of a queued task: its inputs may be a megabyte, and a claim looks at fifty tasks. */
export const QueuedTask = TaskDoc.pick({
  _id: true,
  rev: true,
  module: true,
  version: true,
  priority: true,
  concurrencyKey: true,
  concurrencyLimit: true,
}).extend({ currentRun: RunId, queuedAt: z.date(), entry: QueueEntry })
export type QueuedTask = z.infer<typeof QueuedTask>

/** Puts an attempt in the queue, from `until` on. */
export const newEntry = (
  task: { _id: string; priority: Priority; place: number },
  queuedAt: Date,
  until: Date | null,
): QueueEntry => ({
  rank: rankOf({ priority: task.priority, place: task.place, queuedAt, task: task._id }),
  state: until ? 'parked' : 'open',
  until,
  slot: null,
})

const order: Record<Priority, string> = { high: '1', normal: '2', low: '3' }

/**
 * The rank of an entry in the queue, smallest first: priority, then fair-queue position (see `Shares`), then age.
 * Fixed when the task becomes ready, so that the claim is one sorted read.
 */
export function rankOf(entry: { priority: Priority; place: number; queuedAt: Date; task: string }): string {
  const place = String(entry.place).padStart(12, '0')
  const age = String(entry.queuedAt.getTime()).padStart(15, '0')
  return `${order[entry.priority]}.${place}.${age}.${entry.task}`
}

/** The fair-queue position in a rank. */
export const positionIn = (rank: string): number => Number(rank.split('.')[1] ?? 0)

export const Holder = z.object({
  run: RunId,
  claimId: z.string(),
  agent: AgentId,
  at: z.date(),
  attempt: z
    .string()
    .default('')
    .describe('of taking it: a claim that is sent twice is two attempts, and each removes only its own'),
})
export type Holder = z.infer<typeof Holder>
export const SlotDoc = z.object({ _id: z.string(), ...doc, limit: z.number(), holders: z.array(Holder) })
export type SlotDoc = z.infer<typeof SlotDoc>
