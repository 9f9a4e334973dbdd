import { DataId, GrantId, KeyId, RateLimit, Scope, TaskId } from '@millrace/shared'
import { z } from 'zod'
import { doc } from './base.ts'

export const KeyDoc = z.object({
  _id: KeyId,
  ...doc,
  name: z.string(),
  scopes: z.array(Scope),
  secretHash: z.string(),
  rateLimit: RateLimit.nullable().default(null),
  modules: z.array(z.string()).default(['*']).describe('patterns: which ones its agents may serve'),
  trusted: z.boolean().default(true).describe('reports of its agents count without approval'),
  createdAt: z.date(),
  expiresAt: z.date().nullable(),
})
export type KeyDoc = z.infer<typeof KeyDoc>
/** What agents with a key may serve, and whether their reports count without approval. */
export type Serves = Pick<KeyDoc, 'modules' | 'trusted'>

/** What a page may do with its token, and the ids that it made with it: a repeated request uses no quota. */
export const GrantDoc = z.object({
  _id: GrantId,
  ...doc,
  apiKey: KeyId.describe('the key that created it; it expires with that key'),
  secretHash: z.string(),
  maxUploads: z.number(),
  maxUploadBytes: z.number(),
  contentTypes: z.array(z.string()).nullable(),
  maxTasks: z.number(),
  modules: z.array(z.string()),
  uploads: z.array(DataId),
  tasks: z.array(TaskId),
  createdAt: z.date(),
  expiresAt: z.date(),
})
export type GrantDoc = z.infer<typeof GrantDoc>

export const TicketDoc = z.object({
  _id: z.templateLiteral(['tkt_', z.string()]),
  ...doc,
  secretHash: z.string(),
  apiKey: KeyId.describe('the key that created it; it expires with that key'),
  grant: GrantId.nullable().describe('the grant whose token created it; it expires with that grant'),
  path: z.string().describe('that it opens, with its query'),
  expiresAt: z.date(),
})
export type TicketDoc = z.infer<typeof TicketDoc>

/** What a repeated POST needs to do the same again: the ids it made, and whether it succeeded. */
export const IdempotencyDoc = z.object({
  _id: z.string(),
  ...doc,
  bodyHash: z.string(),
  seed: z.number().describe('time part of the ids that the request makes'),
  status: z.number().nullable().describe('of the first 2xx answer'),
  at: z.date(),
})
export type IdempotencyDoc = z.infer<typeof IdempotencyDoc>
