import { z } from 'zod'
import { AgentId, RunId, TaskId } from '../ids.ts'
import { GivenModuleName } from '../manifest.ts'
import { LogLine, LogStream, Run, RunStatus } from '../run.ts'
import { Progress } from '../task.ts'
import type { Calls } from './call.ts'
import { commaList, PageQuery, pageOf } from './lists.ts'
import { CreateTask, TaskAnswer } from './tasks.ts'

export const RunModule = CreateTask.omit({ module: true }).extend({ queue: z.boolean().default(true) })
export const RunAccepted = z.object({ taskId: TaskId, runId: RunId.nullable(), status: z.string() })
export type RunAccepted = z.infer<typeof RunAccepted>

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

/** Attempts of tasks. */
export const runCalls = {
  runModule: {
    method: 'POST',
    path: '/api/modules/{name}/run',
    tag: 'Runs',
    summary: 'Run a module',
    scope: 'write',
    params: { name: z.string() },
    subject: 'module',
    body: RunModule,
    example: { inputs: { text: 'hello' }, queue: false },
    bodyLimit: 'value',
    idempotent: true,
    answers: { 202: { description: 'Accepted', json: RunAccepted } },
  },
  listRuns: {
    method: 'GET',
    path: '/api/runs',
    tag: 'Runs',
    summary: 'List runs, newest first',
    scope: 'read',
    query: RunQuery,
    answers: { 200: { description: 'A page', json: RunPage } },
  },
  getRun: {
    method: 'GET',
    path: '/api/runs/{id}',
    tag: 'Runs',
    summary: 'Read a run',
    scope: 'read',
    params: { id: RunId },
    subject: 'run',
    answers: { 200: { description: 'The run', json: RunAnswer } },
  },
  cancelRun: {
    method: 'DELETE',
    path: '/api/runs/{id}',
    tag: 'Runs',
    summary: 'Cancel the task of a run',
    scope: 'write',
    params: { id: RunId },
    subject: 'run',
    audit: 'task.cancel',
    answers: {
      200: { description: 'It was already cancelled', json: TaskAnswer },
      202: { description: 'Being stopped', json: TaskAnswer },
    },
  },
  getRunLog: {
    method: 'GET',
    path: '/api/runs/{id}/logs',
    tag: 'Runs',
    summary: 'Read the lines of a run as NDJSON; with ?follow=1 as server-sent events until it ends',
    scope: 'read',
    params: { id: RunId },
    subject: 'run',
    query: LogQuery,
    answers: {
      200: {
        description: 'The lines; with ?follow=1 also new ones',
        lines: LogLine,
        events: { log: LogLine, progress: Progress, end: z.object({}) },
      },
    },
  },
} as const satisfies Calls
