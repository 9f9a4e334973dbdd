import { AgentId, Priority, RunId, TaskId } from '@millrace/shared'
import { z } from 'zod'
import { doc } from './base.ts'

/** A hint that an attempt may be claimed. It counts only while the task agrees. */
export const QueueDoc = z.object({
  _id: RunId,
  ...doc,
  task: TaskId,
  module: z.string(),
  version: z.string().nullable(),
  priority: Priority,
  rank: z.string(),
  concurrencyKey: z.string().nullable(),
  concurrencyLimit: z.number().nullable(),
  queuedAt: z.date(),
  state: z.enum(['open', 'parked']),
  until: z.date().nullable(),
  slot: z.string().nullable(),
})
export type QueueDoc = z.infer<typeof QueueDoc>

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
