import type { Schedule } from '@millrace/shared'
import { nextFireTimes } from '../operations/schedules/fire-times.ts'
import type { ScheduleDoc } from '../store/documents/schedule.ts'
import { iso } from './task.ts'

const timesShown = 5

export function presentSchedule(schedule: ScheduleDoc): Schedule {
  const next = schedule.nextFireAt
  const more = next ? nextFireTimes(schedule, next, timesShown - 1) : []
  return {
    id: schedule._id,
    name: schedule.name,
    cron: schedule.cron,
    everySeconds: schedule.everySeconds,
    timezone: schedule.timezone,
    task: JSON.parse(schedule.task),
    overlap: schedule.overlap,
    catchUpSeconds: schedule.catchUpSeconds,
    enabled: schedule.enabled,
    nextFireAt: iso(next),
    nextFires: [next ?? [], more].flat().map((time) => time.toISOString()),
    lastTasks: schedule.lastTasks.map(({ task, fireAt }) => ({ taskId: task, fireAt: fireAt.toISOString() })),
    lastSkip: schedule.lastSkip && {
      fireAt: schedule.lastSkip.fireAt.toISOString(),
      reason: schedule.lastSkip.reason,
    },
    skipped: schedule.skipped,
    createdAt: schedule.createdAt.toISOString(),
    updatedAt: schedule.updatedAt.toISOString(),
  }
}
