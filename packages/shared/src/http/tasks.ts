import { z } from 'zod'
import { GrantId, TaskId } from '../ids.ts'
import { Json } from '../json.ts'
import { GivenModuleName, mostAttempts, SemVer } from '../manifest.ts'
import { Priority, statusGroups, Task, TaskStatus } from '../task.ts'
import type { Calls } from './call.ts'
import { commaList, Label, PageQuery, pageOf, Tags } from './lists.ts'
import { TaskWebhook } from './webhooks.ts'

const portKey = z.string().min(1).max(64)

/** Checked against the manifest, key by key; a record schema would silently leave out `__proto__`. */
const Inputs = z
  .custom<Record<string, Json>>(
    (raw) => Json.safeParse(raw).success && typeof raw === 'object' && raw !== null && !Array.isArray(raw),
    'must be an object of inputs by name',
  )
  .meta({ type: 'object', additionalProperties: true })

export const Backoff = z.strictObject({
  initialSeconds: z.number().min(0).max(86_400).default(1),
  factor: z.number().min(1).max(100).default(2),
  maxSeconds: z.number().min(0).max(86_400).default(300),
})
export type Backoff = z.infer<typeof Backoff>

export const CreateTask = z.strictObject({
  module: z.string().min(1).max(200),
  version: SemVer.optional(),
  inputs: Inputs.default({}),
  outputs: z.record(portKey, z.strictObject({ label: Label.optional(), tags: Tags.optional() })).default({}),
  label: Label.default(''),
  priority: Priority.default('normal'),
  after: z.array(TaskId).max(1000).default([]),
  onUpstreamFailure: z.enum(['skip', 'fail', 'run']).default('skip'),
  maxAttempts: z
    .number()
    .int()
    .min(1)
    .max(mostAttempts)
    .optional()
    .describe('default: the value of the module, else 3'),
  backoff: Backoff.prefault({}),
  timeoutSeconds: z
    .number()
    .positive()
    .max(7 * 86_400)
    .optional(),
  notBefore: z.iso.datetime().optional(),
  concurrencyKey: z.string().min(1).max(200).optional(),
  concurrencyLimit: z.number().int().min(1).max(100_000).optional(),
  tags: Tags.default([]),
  webhook: TaskWebhook.optional(),
})
export type CreateTask = z.infer<typeof CreateTask>
/** The task as a caller writes it, where fields with a default are optional. */
export type NewTask = z.input<typeof CreateTask>

/** The fields that a caller with a grant's token may set. */
export const CreateTaskUnderGrant = CreateTask.pick({
  module: true,
  inputs: true,
  outputs: true,
  label: true,
}).transform((task) => CreateTask.parse(task))

export const TaskAnswer = z.object({ task: Task })
export const TaskQuery = PageQuery.extend({
  status: commaList(
    z.enum([...TaskStatus.options, ...(Object.keys(statusGroups) as (keyof typeof statusGroups)[])]),
  ).optional(),
  module: GivenModuleName.optional(),
  tag: z.string().optional(),
  label: Label.optional().describe('prefix'),
  createdAfter: z.iso.datetime().optional(),
  createdBefore: z.iso.datetime().optional(),
  grant: GrantId.optional(),
})
export type TaskQuery = z.infer<typeof TaskQuery>
export const TaskPage = pageOf(Task)
export const WaitQuery = z.object({ wait: z.coerce.number().min(0).max(60).default(0).describe('seconds') })

/** One task: a module applied to inputs. */
export const taskCalls = {
  createTask: {
    method: 'POST',
    path: '/api/tasks',
    tag: 'Tasks',
    summary: 'Create a task: one module applied to inputs',
    scope: 'write',
    body: CreateTask,
    example: {
      module: 'faces',
      inputs: { picture: { data: 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV' } },
      tags: ['album-7'],
    },
    bodyUnderGrant: CreateTaskUnderGrant,
    bodyLimit: 'value',
    idempotent: true,
    openToGrants: true,
    answers: { 201: { description: 'Accepted', json: TaskAnswer } },
  },
  listTasks: {
    method: 'GET',
    path: '/api/tasks',
    tag: 'Tasks',
    summary: 'List tasks, newest first',
    scope: 'read',
    query: TaskQuery,
    openToGrants: true,
    answers: { 200: { description: 'A page', json: TaskPage } },
  },
  getTask: {
    method: 'GET',
    path: '/api/tasks/{id}',
    tag: 'Tasks',
    summary: 'Read a task; with ?wait= once it has ended or the time is up',
    scope: 'read',
    params: { id: TaskId },
    subject: 'task',
    query: WaitQuery,
    openToGrants: true,
    answers: { 200: { description: 'The task', json: TaskAnswer } },
  },
  cancelTask: {
    method: 'POST',
    path: '/api/tasks/{id}/cancel',
    tag: 'Tasks',
    summary: 'Cancel a task',
    scope: 'write',
    params: { id: TaskId },
    subject: 'task',
    idempotent: true,
    audit: 'task.cancel',
    answers: {
      200: { description: 'It was already cancelled', json: TaskAnswer },
      202: { description: 'Cancelled, or being stopped', json: TaskAnswer },
    },
  },
  retryTask: {
    method: 'POST',
    path: '/api/tasks/{id}/retry',
    tag: 'Tasks',
    summary: 'Retry a failed, cancelled or skipped task with a new round of attempts',
    scope: 'write',
    params: { id: TaskId },
    subject: 'task',
    idempotent: true,
    audit: 'task.retry',
    answers: { 202: { description: 'A new round has begun', json: TaskAnswer } },
  },
} as const satisfies Calls
