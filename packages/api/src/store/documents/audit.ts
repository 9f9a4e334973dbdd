import { AuditId, GrantId, KeyId } from '@millrace/shared'
import { z } from 'zod'
import { doc, JsonText } from './base.ts'

export const AuditDoc = z.object({
  _id: AuditId,
  ...doc,
  at: z.date(),
  action: z.string(),
  subject: z.string().nullable(),
  detail: JsonText.nullable().default(null),
  keyId: KeyId,
  grant: GrantId.nullable(),
  requestId: z.string(),
  path: z.string(),
  status: z.number(),
})
export type AuditDoc = z.infer<typeof AuditDoc>
