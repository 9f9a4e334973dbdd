import { BulkJobId, TaskId } from '@millrace/shared'
import { z } from 'zod'
import { doc, JsonText } from './base.ts'

/** One action on many tasks, step by step in the order of their ids. */
export const BulkJobDoc = z.object({
  _id: BulkJobId,
  ...doc,
  act: z.enum(['cancel', 'retry']),
  filter: JsonText.describe('which tasks; as the caller gave it'),
  after: TaskId.nullable().describe('the last one that was handled'),
  upTo: TaskId.describe('the job ignores tasks with later ids'),
  count: z.number().describe('tasks that matched at the request'),
  state: z.enum(['going', 'done']),
  at: z.date().describe('last step'),
})
export type BulkJobDoc = z.infer<typeof BulkJobDoc>
