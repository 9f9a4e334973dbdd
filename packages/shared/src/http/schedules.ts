import { z } from 'zod'
import { ScheduleId, TaskId } from '../ids.ts'
import { PageQuery, pageOf } from './lists.ts'
import { CreateTask } from './tasks.ts'

const longestInterval = 366 * 86_400

/** A task as a schedule makes it, each time anew. */
export const ScheduledTask = CreateTask.omit({ notBefore: true })

const given = {
  name: z.string().min(1).max(200),
  cron: z.string().min(1).max(200).nullish().describe('five fields, or @hourly and its like'),
  everySeconds: z.number().int().min(1).max(longestInterval).nullish(),
  timezone: z.string().min(1).max(100).describe('IANA name, for cron'),
  task: ScheduledTask,
  overlap: z.enum(['allow', 'skip']).describe('skip: not while the task before has not ended'),
  catchUpSeconds: z
    .number()
    .int()
    .min(0)
    .max(30 * 86_400)
    .describe('fire times that were missed by more than this are passed over'),
  enabled: z.boolean(),
}

export const CreateSchedule = z.strictObject({
  ...given,
  timezone: given.timezone.default('UTC'),
  overlap: given.overlap.default('allow'),
  catchUpSeconds: given.catchUpSeconds.default(60),
  enabled: given.enabled.default(true),
})
export type CreateSchedule = z.output<typeof CreateSchedule>
export const EditSchedule = z.strictObject(given).partial()
export type EditSchedule = z.output<typeof EditSchedule>

const time = z.iso.datetime()
export const Schedule = z.object({
  id: ScheduleId,
  name: z.string(),
  cron: z.string().nullable(),
  everySeconds: z.number().nullable(),
  timezone: z.string(),
  task: z.record(z.string(), z.unknown()),
  overlap: given.overlap,
  catchUpSeconds: z.number(),
  enabled: z.boolean(),
  nextFireAt: time.nullable().describe('null while it is paused'),
  nextFires: z.array(time).describe('the next times, as they stand now'),
  lastTasks: z.array(z.object({ taskId: TaskId, fireAt: time })).describe('newest first'),
  lastSkip: z
    .object({ fireAt: time, reason: z.string() })
    .nullable()
    .describe('the last time that made no task, and why'),
  skipped: z.number().int().describe('times that made no task'),
  createdAt: time,
  updatedAt: time,
})
export type Schedule = z.infer<typeof Schedule>
export const ScheduleAnswer = z.object({ schedule: Schedule })
export const SchedulePage = pageOf(Schedule)
export const ScheduleQuery = PageQuery
