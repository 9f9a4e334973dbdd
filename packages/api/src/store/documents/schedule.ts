import { DataId, ScheduleId, TaskId } from '@millrace/shared'
import { z } from 'zod'
import { doc, JsonText } from './base.ts'

/** Creates a task at set times. The tick fires it by `nextFireAt` alone. */
export const ScheduleDoc = z.object({
  _id: ScheduleId,
  ...doc,
  apiKey: z.string(),
  name: z.string(),
  cron: z.string().nullable(),
  everySeconds: z.number().nullable(),
  timezone: z.string(),
  task: JsonText,
  reads: z.array(DataId).describe('data items that its task names; they cannot be deleted'),
  overlap: z.enum(['allow', 'skip']),
  catchUpSeconds: z.number(),
  enabled: z.boolean(),
  anchor: z.date().describe('from which the seconds of `everySeconds` are counted'),
  nextFireAt: z.date().nullable(),
  lastTasks: z.array(z.object({ task: TaskId, fireAt: z.date() })),
  lastSkip: z.object({ fireAt: z.date(), reason: z.string() }).nullable(),
  skipped: z.number(),
  createdAt: z.date(),
  updatedAt: z.date(),
})
export type ScheduleDoc = z.infer<typeof ScheduleDoc>
