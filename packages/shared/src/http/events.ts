import { z } from 'zod'
import { RunId, TaskId } from '../ids.ts'
import { LogLine } from '../run.ts'
import { Progress, Task, TaskStatus } from '../task.ts'

/** What `GET /api/tasks/{id}/events` tells, by the name of the event. */
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
export const EndEvent = z.object({ task: Task })

/** What `GET /api/events` tells: something changed, look again. */
export const ChangeEvent = z.object({
  kind: z.enum(['task', 'module', 'agent']),
  id: z.string(),
  status: z.string().nullable(),
  updatedAt: z.iso.datetime(),
})
export type ChangeEvent = z.infer<typeof ChangeEvent>
