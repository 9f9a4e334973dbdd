import { z } from 'zod'
import { GrantId } from '../ids.ts'
import { GivenModuleName } from '../manifest.ts'
import type { Calls } from './call.ts'
import { PageQuery, pageOf } from './lists.ts'

const longestGrantDays = 30

/** `image/png`, or a family such as `image/*`. */
export const ContentTypePattern = z
  .string()
  .max(255)
  .regex(/^[\w.+-]+\/([\w.+-]+|\*)$/, 'a media type such as image/png, or a family such as image/*')
  .transform((pattern) => pattern.toLowerCase())

export const CreateGrant = z.strictObject({
  maxUploads: z.number().int().min(0).max(10_000).describe('files and values'),
  maxUploadBytes: z.number().int().min(0).describe('of each'),
  contentTypes: z.array(ContentTypePattern).min(1).max(100).optional().describe('default: all'),
  maxTasks: z.number().int().min(0).max(10_000),
  modules: z.array(GivenModuleName).max(100),
  expiresAt: z.iso.datetime().refine(isSoon, `a time to come, within ${longestGrantDays} days`),
})
export type CreateGrant = z.output<typeof CreateGrant>

const taken = z.number().int().nonnegative()
export const BrowserGrant = z.object({
  id: GrantId,
  maxUploads: z.number().int(),
  maxUploadBytes: z.number().int(),
  contentTypes: z.array(z.string()).nullable(),
  maxTasks: z.number().int(),
  modules: z.array(z.string()),
  uploads: taken.describe('made so far'),
  tasks: taken.describe('made so far'),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
})
export type BrowserGrant = z.infer<typeof BrowserGrant>
export const GrantCreated = z.object({
  grant: BrowserGrant,
  token: z.string().nullable().describe('shown once'),
})
export type GrantCreated = z.infer<typeof GrantCreated>
export const GrantPage = pageOf(BrowserGrant)

function isSoon(time: string): boolean {
  const ahead = new Date(time).getTime() - Date.now()
  return ahead > 0 && ahead <= longestGrantDays * 24 * 3600 * 1000
}

/** Tokens for browser pages, with limits on what they may create. */
export const grantCalls = {
  createGrant: {
    method: 'POST',
    path: '/api/grants',
    tag: 'Grants',
    summary: 'Create a grant for a page; its token is shown only in this answer',
    scope: 'write',
    body: CreateGrant,
    idempotent: true,
    audit: 'grant.create',
    answers: { 201: { description: 'Created', json: GrantCreated } },
  },
  listGrants: {
    method: 'GET',
    path: '/api/grants',
    tag: 'Grants',
    summary: 'List grants, newest first',
    scope: 'write',
    query: PageQuery,
    answers: { 200: { description: 'A page', json: GrantPage } },
  },
  deleteGrant: {
    method: 'DELETE',
    path: '/api/grants/{id}',
    tag: 'Grants',
    summary: 'Revoke a grant immediately; its data and tasks stay',
    scope: 'write',
    params: { id: GrantId },
    subject: 'grant',
    audit: 'grant.delete',
    answers: { 204: { description: 'Gone' } },
  },
} as const satisfies Calls
