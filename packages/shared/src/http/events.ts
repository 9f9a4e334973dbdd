import { z } from 'zod'
import { AgentStatus } from '../agent.ts'
import { AgentId, RunId, TaskId } from '../ids.ts'
import { ModuleStatus } from '../module.ts'
import { LogLine } from '../run.ts'
import { Progress, TaskStatus } from '../task.ts'
import type { Calls } from './call.ts'
import { TaskAnswer } from './tasks.ts'

/** Where to resume, for clients that cannot send `Last-Event-ID`: a page that reopens a stream with a new ticket. */
export const EventsQuery = z.object({
  lastEventId: z
    .string()
    .max(200)
    .optional()
    .describe('like the header Last-Event-ID, which takes precedence'),
})
export type EventsQuery = z.infer<typeof EventsQuery>

/** The task entered this state. `runId`: the waiting, running or ended attempt; `null` before the first. */
export const StateEvent = z.object({
  taskId: TaskId,
  status: TaskStatus,
  attempt: z.number().int(),
  runId: RunId.nullable(),
  at: z.iso.datetime(),
})
export type StateEvent = z.infer<typeof StateEvent>
export const ProgressEvent = Progress.extend({ runId: RunId, at: z.iso.datetime() })
export type ProgressEvent = z.infer<typeof ProgressEvent>
export const LogEvent = LogLine.extend({ runId: RunId })
export type LogEvent = z.infer<typeof LogEvent>
export type EndEvent = z.infer<typeof TaskAnswer>

/** An object changed. A page reads it again, or uses the fields of this event. */
export const ChangeEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('task'), id: TaskId, status: TaskStatus, updatedAt: z.iso.datetime() }),
  z.object({ kind: z.literal('module'), id: z.string(), status: ModuleStatus, updatedAt: z.iso.datetime() }),
  z.object({ kind: z.literal('agent'), id: AgentId, status: AgentStatus, updatedAt: z.iso.datetime() }),
])
export type ChangeEvent = z.infer<typeof ChangeEvent>

/** Some changes may be missing; the client reads everything again. */
export const Resync = z.object({})

/** Live events. */
export const eventCalls = {
  followTask: {
    method: 'GET',
    path: '/api/tasks/{id}/events',
    tag: 'Tasks',
    summary:
      'Follow states, progress and lines of a task over all its attempts, as server-sent events until it ends',
    scope: 'read',
    params: { id: TaskId },
    subject: 'task',
    query: EventsQuery,
    openToGrants: true,
    answers: {
      200: {
        description: 'States, progress and lines, then the end',
        events: { state: StateEvent, progress: ProgressEvent, log: LogEvent, end: TaskAnswer },
      },
      204: { description: 'The end was already sent' },
    },
  },
  followChanges: {
    method: 'GET',
    path: '/api/events',
    tag: 'Summary',
    summary:
      'Follow changes of tasks, modules and agents as server-sent events; on resync, read everything again',
    scope: 'read',
    query: EventsQuery,
    answers: {
      200: {
        description: 'Changes; resync when some may be missing',
        events: { message: ChangeEvent, resync: Resync },
      },
    },
  },
} as const satisfies Calls
