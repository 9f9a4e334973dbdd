import { z } from 'zod'
import { TaskId } from '../ids.ts'
import { Task } from '../task.ts'
import type { Calls } from './call.ts'
import { CreateTask } from './tasks.ts'

/** The most tasks in one batch. */
export const mostInBatch = 10_000

/** The names by which the tasks of a batch refer to each other. */
export const TaskRef = z
  .string()
  .regex(
    /^(?!tsk_)[A-Za-z0-9_-]{1,64}$/,
    'must be 1 to 64 of A-Z, a-z, 0-9, _ and -, not beginning with tsk_',
  )

export const BatchTask = CreateTask.extend({
  ref: TaskRef,
  after: z
    .array(z.union([TaskId, TaskRef]))
    .max(1000)
    .default([])
    .describe('task ids, and refs of this batch'),
})
export type BatchTask = z.infer<typeof BatchTask>

export const CreateBatch = z.strictObject({ tasks: z.array(BatchTask).min(1).max(mostInBatch) })
export type NewBatch = z.input<typeof CreateBatch>
export const BatchAnswer = z.object({ tasks: z.record(TaskRef, Task).describe('by ref') })

/** Create many tasks at once. */
export const batchCalls = {
  createTasks: {
    method: 'POST',
    path: '/api/tasks/batch',
    tag: 'Tasks',
    summary: 'Create many tasks that may refer to each other, all or none',
    scope: 'write',
    body: CreateBatch,
    example: {
      tasks: [
        { ref: 'cut', module: 'cut-video', inputs: { film: { data: 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV' } } },
        { ref: 'text', module: 'speech-to-text', inputs: { sound: { task: 'cut', output: 'sound' } } },
      ],
    },
    bodyLimit: 'bulk',
    idempotent: true,
    answers: { 201: { description: 'All accepted', json: BatchAnswer } },
  },
} as const satisfies Calls
