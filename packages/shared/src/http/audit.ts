import { z } from 'zod'
import { AuditId, GrantId, KeyId } from '../ids.ts'
import { Json } from '../json.ts'
import type { Calls } from './call.ts'
import { PageQuery, pageOf } from './lists.ts'

/** One change by one caller. Entries never change, and no call removes them. */
export const AuditEntry = z.object({
  id: AuditId,
  at: z.iso.datetime(),
  action: z.string().describe('e.g. key.create'),
  subject: z.string().nullable().describe('the id of the changed object'),
  detail: z.record(z.string(), Json).nullable().describe('the requested change, without secrets'),
  keyId: KeyId,
  grantId: GrantId.nullable(),
  requestId: z.string(),
  path: z.string(),
  status: z.number().int(),
})
export type AuditEntry = z.infer<typeof AuditEntry>
export const AuditPage = pageOf(AuditEntry)
export const AuditQuery = PageQuery.extend({
  action: z.string().max(100).optional(),
  key: KeyId.optional(),
  subject: z.string().max(200).optional(),
  after: z.iso.datetime().optional().describe('at this time or later'),
  before: z.iso.datetime().optional(),
})

/** Who changed what. */
export const auditCalls = {
  listAudit: {
    method: 'GET',
    path: '/api/audit',
    tag: 'Audit',
    summary: 'Who changed what, newest first',
    scope: 'admin',
    query: AuditQuery,
    answers: { 200: { description: 'A page', json: AuditPage } },
  },
} as const satisfies Calls
