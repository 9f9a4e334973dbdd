import type { AuditEntry } from '@millrace/shared'
import type { AuditDoc } from '../store/documents/audit.ts'

export const presentAudit = ({ _id, at, grant, detail, rev: _, ...entry }: AuditDoc): AuditEntry => ({
  ...entry,
  detail: detail === null ? null : JSON.parse(detail),
  id: _id,
  at: at.toISOString(),
  grantId: grant,
})
