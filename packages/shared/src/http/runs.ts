import { z } from 'zod'
import { AgentId, RunId, TaskId } from '../ids.ts'
import { GivenModuleName } from '../manifest.ts'
import { LogStream, Run, RunStatus } from '../run.ts'
import { commaList, PageQuery, pageOf } from './lists.ts'
import { CreateTask } from './tasks.ts'

export const RunModule = CreateTask.omit({ module: true }).extend({ queue: z.boolean().default(true) })
export const RunAccepted = z.object({ taskId: TaskId, runId: RunId.nullable(), status: z.string() })

export const RunAnswer = z.object({ run: Run })
export const RunQuery = PageQuery.extend({
  status: commaList(RunStatus).optional(),
  module: GivenModuleName.optional(),
  agent: AgentId.optional(),
  task: TaskId.optional(),
  startedAfter: z.iso.datetime().optional(),
  startedBefore: z.iso.datetime().optional(),
})
export type RunQuery = z.infer<typeof RunQuery>
export const RunPage = pageOf(Run)

export const LogQuery = z.object({
  tail: z.coerce.number().int().min(1).max(100_000).optional(),
  stream: LogStream.optional(),
  since: z.coerce.number().int().min(0).optional().describe('only lines with a greater n'),
  limit: z.coerce.number().int().min(1).max(100_000).default(10_000),
  follow: z.enum(['0', '1']).default('0'),
})
export type LogQuery = z.infer<typeof LogQuery>
