import { KeyId, Scope } from '@millrace/shared'
import { z } from 'zod'
import { doc } from './base.ts'

export const KeyDoc = z.object({
  _id: KeyId,
  ...doc,
  name: z.string(),
  scopes: z.array(Scope),
  secretHash: z.string(),
  createdAt: z.date(),
  expiresAt: z.date().nullable(),
})
export type KeyDoc = z.infer<typeof KeyDoc>

/** What a repeated POST needs to do the same again: the ids it made, and whether it ended well. */
export const IdempotencyDoc = z.object({
  _id: z.string(),
  ...doc,
  bodyHash: z.string(),
  seed: z.number().describe('time part of the ids that the request makes'),
  status: z.number().nullable().describe('of the first 2xx answer'),
  at: z.date(),
})
export type IdempotencyDoc = z.infer<typeof IdempotencyDoc>
