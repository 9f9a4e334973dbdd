import { contract } from '@millrace/shared'
import { pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { auditFilter } from '../http/filters/audit.ts'
import type { Ports } from '../ports.ts'
import { presentAudit } from '../present/audit.ts'

export const auditEndpoints = (ports: Ports): Endpoint[] => [
  endpoint(contract.listAudit, async (c, { query }) => {
    const docs = await ports.store.audit.find(auditFilter(query), {
      sort: { _id: -1 },
      limit: query.limit + 1,
    })
    return c.json(pageFrom(docs, query.limit, presentAudit))
  }),
]
