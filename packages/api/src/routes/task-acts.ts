import {
  BulkAnswer,
  CancelTasks,
  DeadLetterQuery,
  ReplayTasks,
  TaskAnswer,
  TaskId,
  TaskPage,
} from '@millrace/shared'
import { Failure } from '../failure.ts'
import { behind, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint, pathId } from '../http/endpoint.ts'
import { startBulkJob } from '../operations/bulk/bulk-job.ts'
import { deadLetter, matching } from '../operations/bulk/matching.ts'
import { cancel } from '../operations/cancel.ts'
import { retry } from '../operations/retry.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { Ports } from '../ports.ts'
import { presentTask } from '../present/task.ts'

/** What a person does about tasks that are there. */
export const taskActEndpoints = (ports: SettlePorts): Endpoint[] => [
  endpoint({
    method: 'post',
    path: '/api/tasks/:id/cancel',
    scope: 'write',
    audit: 'task.cancel',
    tag: 'Tasks',
    summary: 'Cancel a task',
    answers: {
      200: { description: 'It was cancelled already', schema: TaskAnswer },
      202: { description: 'Cancelled, or being stopped', schema: TaskAnswer },
    },
    idempotent: true,
    async handle(c) {
      const { task, already } = await cancel(ports, pathId(c, TaskId, 'task'))
      return c.json({ task: presentTask(task) }, already ? 200 : 202)
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/tasks/:id/retry',
    scope: 'write',
    audit: 'task.retry',
    tag: 'Tasks',
    summary: 'Give a failed, cancelled or skipped task a fresh round of attempts',
    answers: { 202: { description: 'Begun anew', schema: TaskAnswer } },
    idempotent: true,
    async handle(c) {
      // The id of the request's own, which a repetition makes again.
      const task = await retry(ports, pathId(c, TaskId, 'task'), c.var.ids.task())
      return c.json({ task: presentTask(task) }, 202)
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/tasks/cancel',
    scope: 'write',
    audit: 'tasks.cancel',
    tag: 'Tasks',
    summary: 'Cancel every task that matches and has not ended',
    body: CancelTasks,
    bodyLimit: 'value',
    auditDetail: ({ filter }) => ({ filter }),
    answers: { 202: { description: 'Being cancelled', schema: BulkAnswer } },
    idempotent: true,
    async handle(c, { body }) {
      return c.json({ count: await startBulkJob(ports, c.var.ids, 'cancel', body.filter) }, 202)
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/dead-letters',
    scope: 'read',
    tag: 'Tasks',
    summary: 'List tasks whose attempts are over, newest first',
    query: DeadLetterQuery,
    answers: { 200: { description: 'A page', schema: TaskPage } },
    async handle(c, { query }) {
      const docs = await ports.store.tasks.find(
        {
          ...matching({ module: query.module, tag: query.tag }),
          ...behind(query.cursor, 'tsk_'),
          ...deadLetter,
        },
        { sort: { _id: -1 }, limit: query.limit + 1 },
      )
      return c.json(pageFrom(docs, query.limit, (task) => presentTask(task, { list: true })))
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/dead-letters/replay',
    scope: 'write',
    audit: 'dead-letters.replay',
    tag: 'Tasks',
    summary: 'Give some of them, those of a module, or all a fresh round of attempts',
    body: ReplayTasks,
    bodyLimit: 'value',
    auditDetail: (wanted) => wanted,
    answers: { 202: { description: 'Being tried again', schema: BulkAnswer } },
    idempotent: true,
    async handle(c, { body: { ids, module } }) {
      if (ids && !c.var.repeated) await refuseUnknown(ports, ids)
      return c.json({ count: await startBulkJob(ports, c.var.ids, 'retry', { ids, module }) }, 202)
    },
  }),
]

async function refuseUnknown(ports: Ports, ids: readonly TaskId[]): Promise<void> {
  const there = new Set((await ports.store.tasks.many([...new Set(ids)])).map((task) => task._id))
  const errors = ids.flatMap((id, at) =>
    there.has(id) ? [] : [{ path: `/ids/${at}`, message: 'there is no such task' }],
  )
  if (errors.length > 0)
    throw new Failure('invalid_request', `${errors.length} of the tasks are not there.`, { errors })
}
