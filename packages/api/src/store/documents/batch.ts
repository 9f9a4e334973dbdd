import { BatchId } from '@millrace/shared'
import { z } from 'zod'
import { doc } from './base.ts'

/**
 * Many tasks, accepted all or none. Members carry its id in their markers until they are admitted, and stay invisible
 * while it is `staging`.
 */
export const BatchDoc = z.object({
  _id: BatchId,
  ...doc,
  state: z
    .enum(['staging', 'committed', 'opened', 'admitted', 'aborted'])
    .describe(
      '`staging` ends with one write: `aborted`, or `committed`; then its outputs are made, and its members admitted',
    ),
  size: z.number(),
  at: z.date().describe('last step'),
})
export type BatchDoc = z.infer<typeof BatchDoc>
