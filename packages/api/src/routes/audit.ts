import type { AuditEntry, AuditId } from '@millrace/shared'
import { AuditPage, AuditQuery } from '@millrace/shared'
import { idOfCursor, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Ports } from '../ports.ts'
import type { Filter } from '../store/collection.ts'
import type { AuditDoc } from '../store/documents/audit.ts'

export const auditEndpoints = (ports: Ports): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/audit',
    scope: 'admin',
    tag: 'Audit',
    summary: 'Who changed what, newest first',
    query: AuditQuery,
    answers: { 200: { description: 'A page', schema: AuditPage } },
    async handle(c, { query: { cursor, limit, action, key, subject, ...time } }) {
      const after = idOfCursor(cursor, 'aud_')
      const docs = await ports.store.audit.find(
        {
          ...(after ? { _id: { $lt: after as AuditId } } : {}),
          ...(action ? { action } : {}),
          ...(key ? { keyId: key } : {}),
          ...(subject ? { subject } : {}),
          ...within(time),
        },
        { sort: { _id: -1 }, limit: limit + 1 },
      )
      return c.json(pageFrom(docs, limit, present))
    },
  }),
]

const within = ({ after, before }: { after?: string; before?: string }): Filter<AuditDoc> =>
  after || before
    ? {
        at: { ...(after ? { $gte: new Date(after) } : {}), ...(before ? { $lt: new Date(before) } : {}) },
      }
    : {}

const present = ({ _id, at, grant, detail, rev: _, ...entry }: AuditDoc): AuditEntry => ({
  ...entry,
  detail: detail === null ? null : JSON.parse(detail),
  id: _id,
  at: at.toISOString(),
  grantId: grant,
})
