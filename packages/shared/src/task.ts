import { z } from 'zod'
import { AgentId, DataId, GrantId, RunId, TaskId } from './ids.ts'
import { Json } from './json.ts'

export const TaskStatus = z.enum([
  'blocked',
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'skipped',
])
export type TaskStatus = z.infer<typeof TaskStatus>

/** Legal transitions of a task; only a retry leaves a terminal state, back to `blocked`. */
export const taskMoves: Record<TaskStatus, readonly TaskStatus[]> = {
  blocked: ['queued', 'cancelled', 'skipped', 'failed'],
  queued: ['running', 'cancelled', 'succeeded'],
  running: ['succeeded', 'failed', 'cancelled', 'queued'],
  succeeded: [],
  failed: ['blocked'],
  cancelled: ['blocked'],
  skipped: ['blocked'],
}

/** The dashboard's names for groups of states. */
export const statusGroups = {
  planned: ['blocked', 'queued'],
  active: ['running'],
  completed: ['succeeded', 'failed', 'cancelled', 'skipped'],
} as const satisfies Record<string, readonly TaskStatus[]>

export const Priority = z.enum(['high', 'normal', 'low'])
export type Priority = z.infer<typeof Priority>

export const TaskErrorCode = z.enum([
  'module_error',
  'crashed',
  'timed_out',
  'lost',
  'agent_lost',
  'bad_output',
  'upload_failed',
  'out_of_memory',
  'upstream_failed',
  'data_not_available',
  'cancelled',
])
export type TaskErrorCode = z.infer<typeof TaskErrorCode>

export const TaskError = z.object({
  code: TaskErrorCode,
  message: z.string().max(16_384),
  retryable: z.boolean(),
  detail: z.record(z.string(), Json).optional(),
})
export type TaskError = z.infer<typeof TaskError>

export const Progress = z.object({
  percent: z.number().min(0).max(100).optional(),
  message: z.string().max(1000).optional(),
})
export type Progress = z.infer<typeof Progress>

export const InputRef = z.union([z.object({ data: DataId }), z.object({ value: Json })])
export type InputRef = z.infer<typeof InputRef>

export const Task = z.object({
  id: TaskId,
  label: z.string(),
  module: z.string(),
  version: z.string().nullable(),
  status: TaskStatus,
  priority: Priority,
  inputs: z.record(z.string(), z.union([InputRef, z.array(InputRef)])),
  outputs: z.record(z.string(), z.object({ data: DataId })),
  after: z.array(TaskId),
  waitingFor: z.array(z.union([DataId, TaskId])),
  attempt: z.number().int(),
  maxAttempts: z.number().int(),
  progress: Progress.nullable(),
  result: z.record(z.string(), Json).nullable().optional().describe('omitted in lists'),
  error: TaskError.nullable(),
  agentId: AgentId.nullable(),
  currentRun: RunId.nullable(),
  history: z.array(z.object({ status: TaskStatus, attempt: z.number().int(), at: z.iso.datetime() })),
  grantId: GrantId.nullable().describe('created with the token of this grant'),
  requestId: z.string().optional().describe('of the HTTP request that created it'),
  tags: z.array(z.string()),
  cancelRequestedAt: z.iso.datetime().nullable(),
  notBefore: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
  queuedAt: z.iso.datetime().nullable(),
  startedAt: z.iso.datetime().nullable(),
  finishedAt: z.iso.datetime().nullable(),
})
export type Task = z.infer<typeof Task>
