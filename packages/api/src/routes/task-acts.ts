import { TaskAnswer, TaskId } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import { type Endpoint, endpoint, pathId } from '../http/endpoint.ts'
import { cancel } from '../operations/cancel.ts'
import { retry } from '../operations/retry.ts'
import { presentTask } from '../respond/task.ts'

/** What a person does about tasks that are there. */
export const taskActEndpoints = (deps: Deps): Endpoint[] => [
  endpoint({
    method: 'post',
    path: '/api/tasks/:id/cancel',
    scope: 'write',
    tag: 'Tasks',
    summary: 'Cancel a task',
    answers: {
      200: { description: 'It was cancelled already', schema: TaskAnswer },
      202: { description: 'Cancelled, or being stopped', schema: TaskAnswer },
    },
    idempotent: true,
    async handle(c) {
      const { task, already } = await cancel(deps, pathId(c, TaskId, 'task'))
      return c.json({ task: presentTask(task) }, already ? 200 : 202)
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/tasks/:id/retry',
    scope: 'write',
    tag: 'Tasks',
    summary: 'Give a failed, cancelled or skipped task a fresh round of attempts',
    answers: { 202: { description: 'Begun anew', schema: TaskAnswer } },
    idempotent: true,
    async handle(c) {
      // The id of the request's own, which a repetition makes again.
      const task = await retry(deps, pathId(c, TaskId, 'task'), c.var.ids.task())
      return c.json({ task: presentTask(task) }, 202)
    },
  }),
]
