import { BulkJobId, TaskId } from '@millrace/shared'
import { z } from 'zod'
import { doc, JsonText } from './base.ts'

/** The same done to many tasks, step by step in the order of their ids. */
export const BulkJobDoc = z.object({
  _id: BulkJobId,
  ...doc,
  act: z.enum(['cancel', 'retry']),
  filter: JsonText.describe('which tasks; as the caller gave it'),
  after: TaskId.nullable().describe('the last one that was seen to'),
  upTo: TaskId.describe('what is submitted later is not meant'),
  count: z.number().describe('tasks that it was about when it was asked for'),
  state: z.enum(['going', 'done']),
  at: z.date().describe('last step'),
})
export type BulkJobDoc = z.infer<typeof BulkJobDoc>
