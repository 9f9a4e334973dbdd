import { z } from 'zod'
import { ScheduleId, TaskId } from '../ids.ts'
import { Json } from '../json.ts'
import type { Calls } from './call.ts'
import { PageQuery, pageOf } from './lists.ts'
import { CreateTask } from './tasks.ts'

const longestInterval = 366 * 86_400

/** The task that a schedule creates at each fire time. */
export const ScheduledTask = CreateTask.omit({ notBefore: true })

const given = {
  name: z.string().min(1).max(200),
  cron: z.string().min(1).max(200).nullish().describe('five fields, or a shortcut such as @hourly'),
  everySeconds: z.number().int().min(1).max(longestInterval).nullish(),
  timezone: z.string().min(1).max(100).describe('IANA name, for cron'),
  task: ScheduledTask,
  overlap: z.enum(['allow', 'skip']).describe('skip: create no task until the previous one has ended'),
  catchUpSeconds: z
    .number()
    .int()
    .min(0)
    .max(30 * 86_400)
    .describe('fire times missed by more than this are skipped'),
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
  task: z.record(z.string(), Json),
  overlap: given.overlap,
  catchUpSeconds: z.number(),
  enabled: z.boolean(),
  nextFireAt: time.nullable().describe('null while it is paused'),
  nextFires: z.array(time).describe('the next fire times, by the current settings'),
  lastTasks: z.array(z.object({ taskId: TaskId, fireAt: time })).describe('newest first'),
  lastSkip: z
    .object({ fireAt: time, reason: z.string() })
    .nullable()
    .describe('the last fire time without a task, and why'),
  skipped: z.number().int().describe('fire times without a task'),
  createdAt: time,
  updatedAt: time,
})
export type Schedule = z.infer<typeof Schedule>
export const ScheduleAnswer = z.object({ schedule: Schedule })
export const SchedulePage = pageOf(Schedule)
export const ScheduleQuery = PageQuery

/** Create tasks repeatedly. */
export const scheduleCalls = {
  createSchedule: {
    method: 'POST',
    path: '/api/schedules',
    tag: 'Schedules',
    summary: 'Create a task repeatedly, by cron or at a fixed interval',
    scope: 'write',
    body: CreateSchedule,
    example: { name: 'every night', cron: '0 3 * * *', timezone: 'Europe/Berlin', task: { module: 'clean' } },
    bodyLimit: 'value',
    idempotent: true,
    audit: 'schedule.create',
    answers: { 201: { description: 'Created', json: ScheduleAnswer } },
  },
  listSchedules: {
    method: 'GET',
    path: '/api/schedules',
    tag: 'Schedules',
    summary: 'List schedules, newest first',
    scope: 'read',
    query: ScheduleQuery,
    answers: { 200: { description: 'A page', json: SchedulePage } },
  },
  getSchedule: {
    method: 'GET',
    path: '/api/schedules/{id}',
    tag: 'Schedules',
    summary: 'Read a schedule with its next fire times and last tasks',
    scope: 'read',
    params: { id: ScheduleId },
    subject: 'schedule',
    answers: { 200: { description: 'The schedule', json: ScheduleAnswer } },
  },
  updateSchedule: {
    method: 'PATCH',
    path: '/api/schedules/{id}',
    tag: 'Schedules',
    summary: 'Change, pause or resume a schedule',
    scope: 'write',
    params: { id: ScheduleId },
    subject: 'schedule',
    body: EditSchedule,
    bodyLimit: 'value',
    audit: 'schedule.change',
    answers: { 200: { description: 'Changed', json: ScheduleAnswer } },
  },
  deleteSchedule: {
    method: 'DELETE',
    path: '/api/schedules/{id}',
    tag: 'Schedules',
    summary: 'Delete a schedule; its tasks stay',
    scope: 'write',
    params: { id: ScheduleId },
    subject: 'schedule',
    audit: 'schedule.delete',
    answers: { 204: { description: 'Gone' } },
  },
} as const satisfies Calls
