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
/** One reason why a task does not run now. `detail` is a sentence for people; the other fields are for programs. */
export const Waiting = z.object({
  reason: WaitReason,
  detail: z.string(),
  dataId: DataId.optional(),
  taskId: TaskId.optional(),
  status: z.string().optional(),
  until: z.iso.datetime().optional(),
  key: z.string().optional(),
  limit: count.optional(),
  running: z.array(RunId).optional().describe('runs that hold the slots'),
  agents: z
    .array(z.object({ agentId: AgentId, name: z.string(), running: count, capacity: count.nullable() }))
    .optional(),
  ahead: count.optional().describe('tasks that are ahead; counted up to 1,000'),
  expectedSeconds: z
    .number()
    .nullable()
    .optional()
    .describe('until a slot is free, estimated from past runs of the module; null: no past runs'),
})
export type Waiting = z.infer<typeof Waiting>
export const WhyAnswer = z.object({ waitingFor: z.array(Waiting).describe('empty: it runs or has ended') })

/** Why a task waits. */
export const whyCalls = {
  explainTask: {
    method: 'GET',
    path: '/api/tasks/{id}/why',
    tag: 'Tasks',
    summary: 'List all current reasons why a task does not run yet',
    scope: 'read',
    params: { id: TaskId },
    subject: 'task',
    answers: { 200: { description: 'The reasons', json: WhyAnswer } },
  },
} as const satisfies Calls
