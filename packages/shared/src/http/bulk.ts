import { z } from 'zod'
import { TaskId } from '../ids.ts'
import { GivenModuleName } from '../manifest.ts'
import { TaskStatus } from '../task.ts'
import type { Calls } from './call.ts'
import { Label, PageQuery } from './lists.ts'
import { TaskPage } from './tasks.ts'

const someTasks = z.array(TaskId).min(1).max(10_000)

/** Which tasks; filters are combined with AND. */
export const TaskFilter = z.strictObject({
  ids: someTasks.optional(),
  status: z.union([TaskStatus, z.array(TaskStatus).min(1)]).optional(),
  module: GivenModuleName.optional(),
  tag: z.string().min(1).max(64).optional(),
  label: Label.optional().describe('prefix'),
  createdAfter: z.iso.datetime().optional(),
  createdBefore: z.iso.datetime().optional(),
})
export type TaskFilter = z.infer<typeof TaskFilter>

export const CancelTasks = z.strictObject({
  filter: TaskFilter.refine(
    (filter) => Object.values(filter).some((one) => one !== undefined),
    'must say which tasks: ids, status, module, tag, label, createdAfter or createdBefore',
  ),
})

export const DeadLetterQuery = PageQuery.extend({
  module: GivenModuleName.optional(),
  tag: z.string().optional(),
})
export type DeadLetterQuery = z.infer<typeof DeadLetterQuery>

const exactlyOne = 'must have exactly one of ids, module and all'
export const ReplayTasks = z
  .strictObject({
    ids: someTasks.optional(),
    module: GivenModuleName.optional(),
    all: z.literal(true).optional(),
  })
  .refine((body) => Object.values(body).filter((one) => one !== undefined).length === 1, exactlyOne)

export const BulkAnswer = z.object({ count: z.number().int().nonnegative() })

/** Bulk jobs. */
export const bulkCalls = {
  cancelTasks: {
    method: 'POST',
    path: '/api/tasks/cancel',
    tag: 'Tasks',
    summary: 'Cancel every task that matches and has not ended',
    scope: 'write',
    body: CancelTasks,
    example: { filter: { module: 'faces', status: 'queued' } },
    bodyLimit: 'value',
    idempotent: true,
    audit: 'tasks.cancel',
    answers: { 202: { description: 'Being cancelled', json: BulkAnswer } },
  },
  listDeadLetters: {
    method: 'GET',
    path: '/api/dead-letters',
    tag: 'Tasks',
    summary: 'List dead letters: failed tasks without attempts left, newest first',
    scope: 'read',
    query: DeadLetterQuery,
    answers: { 200: { description: 'A page', json: TaskPage } },
  },
  replayDeadLetters: {
    method: 'POST',
    path: '/api/dead-letters/replay',
    tag: 'Tasks',
    summary: 'Replay some dead letters, those of a module, or all, each with a new round of attempts',
    scope: 'write',
    body: ReplayTasks,
    example: { module: 'faces' },
    bodyLimit: 'value',
    idempotent: true,
    audit: 'dead-letters.replay',
    answers: { 202: { description: 'The bulk job has begun', json: BulkAnswer } },
  },
} as const satisfies Calls
