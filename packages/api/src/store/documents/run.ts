import { AgentId, RunId, RunLog, RunStatus, RunUsage, TaskError, TaskId } from '@millrace/shared'
import { z } from 'zod'
import { doc } from './base.ts'

/** How a run ended, as its run document stores it. */
export const RunEnd = z.object({
  status: RunStatus,
  exitCode: z.number().nullable(),
  signal: z.string().nullable(),
  error: TaskError.nullable(),
  usage: RunUsage.nullable(),
  log: RunLog.nullable(),
  logSaved: z.boolean().describe('the complete log is in the object store'),
  startedAt: z.date().nullable(),
  finishedAt: z.date().describe('when the API learned of it'),
  endedAt: z
    .date()
    .nullable()
    .default(null)
    .describe('when its process ended, as far as its agent can be believed'),
})
export type RunEnd = z.infer<typeof RunEnd>

export const RunDoc = z.object({
  _id: RunId,
  ...doc,
  task: TaskId,
  attempt: z.number(),
  module: z.string(),
  version: z.string().nullable(),
  digest: z.string().nullable(),
  agentId: AgentId.nullable(),
  status: RunStatus,
  exitCode: z.number().nullable(),
  signal: z.string().nullable(),
  error: TaskError.nullable(),
  nextRun: RunId.nullable(),
  createdAt: z.date(),
  startedAt: z.date().nullable(),
  finishedAt: z.date().nullable().describe('when the API learned of its end; retention counts from here'),
  endedAt: z
    .date()
    .nullable()
    .default(null)
    .describe('when its process ended, as far as its agent can be believed'),
  usage: RunUsage.nullable(),
  log: RunLog.nullable(),
  archive: z
    .enum(['none', 'due', 'done', 'removed'])
    .describe('where the complete log is: nowhere yet, to be saved, in S3, gone after its days'),
})
export type RunDoc = z.infer<typeof RunDoc>
