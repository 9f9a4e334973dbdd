import { z } from 'zod'
import { KeyId } from '../ids.ts'
import type { Calls } from './call.ts'
import { PageQuery, pageOf } from './lists.ts'
import { Scope } from './scope.ts'

export const RateLimit = z.strictObject({
  requestsPerSecond: z.number().min(0.01).max(100_000),
  burst: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('most requests at once; default: those of one second'),
})
export type RateLimit = z.infer<typeof RateLimit>

/** Which modules an agent's key may serve: a name, a prefix followed by `*`, or `*` for all. */
export const ModulePattern = z
  .string()
  .max(64, 'at most 64 characters')
  .regex(/^(\*|[a-z0-9][a-z0-9_-]*\*?)$/, 'the name of a module, a prefix followed by *, or * alone')

const KeyFields = z.strictObject({
  name: z.string().min(1).max(200),
  scopes: z.array(Scope).min(1),
  expiresAt: z.iso.datetime().nullish(),
  rateLimit: RateLimit.nullish().describe('for all its requests; no limit when omitted'),
  modules: z
    .array(ModulePattern)
    .min(1)
    .max(100)
    .optional()
    .describe('with the scope agent: modules that its agents may serve; default: ["*"]'),
  trusted: z
    .boolean()
    .optional()
    .describe('with the scope agent: whether reports of its agents count without approval; default: true'),
})
export const CreateKey = KeyFields.superRefine(({ scopes, modules, trusted }, context) => {
  if (scopes.includes('agent') && !scopes.includes('admin')) return
  const message = scopes.includes('admin')
    ? 'a key with the scope admin may serve every module and is trusted'
    : 'only a key with the scope agent has this'
  for (const [key, given] of Object.entries({ modules, trusted }))
    if (given !== undefined) context.addIssue({ code: 'custom', message, path: [key] })
})
export const Key = z.object({
  id: KeyId,
  name: z.string(),
  scopes: z.array(Scope),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
  rateLimit: RateLimit.nullable(),
  modules: z
    .array(z.string())
    .optional()
    .describe('modules that its agents may serve; only on keys with the scope agent'),
  trusted: z
    .boolean()
    .optional()
    .describe('whether reports of its agents count without approval; only on keys with the scope agent'),
})
export type Key = z.infer<typeof Key>
export const KeyCreated = z.object({ key: Key, secret: z.string().nullable().describe('shown once') })
export type KeyCreated = z.infer<typeof KeyCreated>
export const KeyPage = pageOf(Key)

/** The keys of an installation. */
export const keyCalls = {
  createKey: {
    method: 'POST',
    path: '/api/keys',
    tag: 'Keys',
    summary: 'Create a key; its secret is shown only in this answer',
    scope: 'admin',
    body: CreateKey,
    example: { name: 'scrape', scopes: ['read'] },
    idempotent: true,
    audit: 'key.create',
    answers: { 201: { description: 'Created', json: KeyCreated } },
  },
  listKeys: {
    method: 'GET',
    path: '/api/keys',
    tag: 'Keys',
    summary: 'List keys, newest first',
    scope: 'admin',
    query: PageQuery,
    answers: { 200: { description: 'A page', json: KeyPage } },
  },
  deleteKey: {
    method: 'DELETE',
    path: '/api/keys/{id}',
    tag: 'Keys',
    summary: 'Revoke a key immediately',
    scope: 'admin',
    params: { id: KeyId },
    subject: 'key',
    audit: 'key.delete',
    answers: { 204: { description: 'Gone' } },
  },
} as const satisfies Calls
