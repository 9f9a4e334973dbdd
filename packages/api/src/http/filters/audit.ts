import type { AuditQuery } from '@millrace/shared'
import type { z } from 'zod'
import type { Filter } from '../../store/collection.ts'
import type { AuditDoc } from '../../store/documents/audit.ts'
import { behind } from '../cursor.ts'

export const auditFilter = ({
  cursor,
  action,
  key,
  subject,
  ...time
}: z.output<typeof AuditQuery>): Filter<AuditDoc> => ({
  ...behind(cursor, 'aud_'),
  ...(action ? { action } : {}),
  ...(key ? { keyId: key } : {}),
  ...(subject ? { subject } : {}),
  ...within(time),
})

const within = ({ after, before }: { after?: string; before?: string }): Filter<AuditDoc> =>
  after || before
    ? {
        at: { ...(after ? { $gte: new Date(after) } : {}), ...(before ? { $lt: new Date(before) } : {}) },
      }
    : {}
