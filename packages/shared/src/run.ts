import { z } from 'zod'
import { AgentId, RunId, TaskId } from './ids.ts'
import { TaskError } from './task.ts'

export const RunStatus = z.enum([
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'timed_out',
  'lost',
])
export type RunStatus = z.infer<typeof RunStatus>

/** Legal transitions of a run. A lost run continues if its agent returns before another claim of the task. */
export const runMoves: Record<RunStatus, readonly RunStatus[]> = {
  queued: ['running', 'cancelled'],
  running: ['succeeded', 'failed', 'cancelled', 'timed_out', 'lost'],
  lost: ['running', 'succeeded', 'failed', 'timed_out'],
  succeeded: [],
  failed: [],
  cancelled: [],
  timed_out: [],
}

/** What a run used; `null` where the agent could not measure it. */
export const RunUsage = z.object({
  peakRamBytes: z.number().nonnegative().nullable(),
  peakVramBytes: z.number().nonnegative().nullable(),
  cpuSeconds: z.number().nonnegative().nullable(),
})
export type RunUsage = z.infer<typeof RunUsage>

export const RunLog = z.object({
  lines: z.number().int().nonnegative(),
  bytes: z.number().int().nonnegative(),
  truncated: z.boolean(),
})
export type RunLog = z.infer<typeof RunLog>

export const Run = z.object({
  id: RunId,
  taskId: TaskId,
  attempt: z.number().int(),
  module: z.string(),
  version: z.string().nullable(),
  digest: z.string().nullable(),
  agentId: AgentId.nullable(),
  status: RunStatus,
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  error: TaskError.nullable(),
  willRetry: z.boolean(),
  nextRunId: RunId.nullable(),
  createdAt: z.iso.datetime(),
  startedAt: z.iso.datetime().nullable(),
  finishedAt: z.iso.datetime().nullable(),
  durationSeconds: z.number().nullable(),
  usage: RunUsage.nullable(),
  log: RunLog.nullable(),
  requestId: z.string().optional().describe('of the HTTP request that created its task'),
})
export type Run = z.infer<typeof Run>

export const LogStream = z.enum(['stdout', 'stderr', 'agent'])
export type LogStream = z.infer<typeof LogStream>

/** One line of a run's output; `n` counts from 1 over all streams of the run. */
export const LogLine = z.object({
  n: z.number().int().positive(),
  at: z.iso.datetime(),
  stream: LogStream,
  line: z.string(),
})
export type LogLine = z.infer<typeof LogLine>
