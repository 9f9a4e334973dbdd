import {
  CreateSchedule,
  EditSchedule,
  ScheduleAnswer,
  ScheduleId,
  SchedulePage,
  ScheduleQuery,
} from '@millrace/shared'
import { notFound } from '../failure.ts'
import { callerOf } from '../http/caller.ts'
import { behind, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint, pathId } from '../http/endpoint.ts'
import { createSchedule, editSchedule } from '../operations/schedules/keep-schedule.ts'
import type { SubmitPorts } from '../operations/submit.ts'
import { presentSchedule } from '../present/schedule.ts'

export const scheduleEndpoints = (ports: SubmitPorts): Endpoint[] => [
  endpoint({
    method: 'post',
    path: '/api/schedules',
    scope: 'write',
    audit: 'schedule.create',
    tag: 'Schedules',
    summary: 'Make a task again and again: by cron, or every so many seconds',
    body: CreateSchedule,
    bodyLimit: 'value',
    auditDetail: ({ name, task }) => ({ name, module: task.module }),
    answers: { 201: { description: 'Created', schema: ScheduleAnswer } },
    idempotent: true,
    async handle(c, { body }) {
      return c.json({ schedule: presentSchedule(await createSchedule(ports, callerOf(c), body)) }, 201)
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/schedules',
    scope: 'read',
    tag: 'Schedules',
    summary: 'List schedules, newest first',
    query: ScheduleQuery,
    answers: { 200: { description: 'A page', schema: SchedulePage } },
    async handle(c, { query }) {
      const docs = await ports.store.schedules.find(behind(query.cursor, 'sch_'), {
        sort: { _id: -1 },
        limit: query.limit + 1,
      })
      return c.json(pageFrom(docs, query.limit, presentSchedule))
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/schedules/:id',
    scope: 'read',
    tag: 'Schedules',
    summary: 'Read a schedule: its next times, and what it made last',
    answers: { 200: { description: 'The schedule', schema: ScheduleAnswer } },
    async handle(c) {
      const schedule = await ports.store.schedules.get(pathId(c, ScheduleId, 'schedule'))
      if (!schedule) throw notFound('schedule')
      return c.json({ schedule: presentSchedule(schedule) })
    },
  }),
  endpoint({
    method: 'patch',
    path: '/api/schedules/:id',
    scope: 'write',
    audit: 'schedule.change',
    tag: 'Schedules',
    summary: 'Change a schedule, pause it or go on with it',
    body: EditSchedule,
    bodyLimit: 'value',
    auditDetail: (changes) => ({ changed: Object.keys(changes), enabled: changes.enabled }),
    answers: { 200: { description: 'Changed', schema: ScheduleAnswer } },
    async handle(c, { body }) {
      const id = pathId(c, ScheduleId, 'schedule')
      return c.json({ schedule: presentSchedule(await editSchedule(ports, id, body)) })
    },
  }),
  endpoint({
    method: 'delete',
    path: '/api/schedules/:id',
    scope: 'write',
    audit: 'schedule.delete',
    tag: 'Schedules',
    summary: 'Delete a schedule; the tasks it made stay',
    answers: { 204: { description: 'Gone' } },
    async handle(c) {
      const id = pathId(c, ScheduleId, 'schedule')
      if (!(await ports.store.schedules.get(id))) throw notFound('schedule')
      await ports.store.schedules.remove(id)
      return c.body(null, 204)
    },
  }),
]
