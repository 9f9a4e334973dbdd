import { z } from 'zod'
import { AgentId, DataId, RunId, TaskId } from '../ids.ts'
import type { Calls } from './call.ts'

export const WaitReason = z.enum([
  'upstream',
  'not_before',
  'retry_backoff',
  'concurrency_limit',
  'module_limit',
  'global_limit',
  'no_agent',
  'module_unavailable',
  'agent_full',
  'gpu_memory',
  'no_gpu',
  'paused',
  'behind_others',
])
export type WaitReason = z.infer<typeof WaitReason>

const count = z.number().int().nonnegative()
/** One thing that keeps a task from running now. `detail` says it in a sentence; the rest is what it says, for programs. */
export const Waiting = z.object({
  reason: WaitReason,
  detail: z.string(),
  dataId: DataId.optional(),
  taskId: TaskId.optional(),
  status: z.string().optional(),
  until: z.iso.datetime().optional(),
  key: z.string().optional(),
  limit: count.optional(),
  running: z.array(RunId).optional().describe('runs that hold the places'),
  agents: z
    .array(z.object({ agentId: AgentId, name: z.string(), running: count, capacity: count.nullable() }))
    .optional(),
  ahead: count.optional().describe('tasks that come first; counted up to 1,000'),
  expectedSeconds: z
    .number()
    .nullable()
    .optional()
    .describe('until a place is free, by past runs of the module; null: there are none to go by'),
})
export type Waiting = z.infer<typeof Waiting>
export const WhyAnswer = z.object({ waitingFor: z.array(Waiting).describe('empty: it runs, or has ended') })

/** Why a task waits. */
export const whyCalls = {
  explainTask: {
    method: 'GET',
    path: '/api/tasks/{id}/why',
    tag: 'Tasks',
    summary: 'Why a task does not run yet: every reason that holds now',
    scope: 'read',
    params: { id: TaskId },
    subject: 'task',
    answers: { 200: { description: 'The reasons', json: WhyAnswer } },
  },
} as const satisfies Calls
