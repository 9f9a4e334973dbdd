import { randomBytes } from 'node:crypto'
import { contract } from '@millrace/shared'
import { notFound } from '../failure.ts'
import { hashSecret, secretPrefix } from '../http/authenticate.ts'
import { behind, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Ports } from '../ports.ts'
import { presentGrant } from '../present/grant.ts'
import type { GrantDoc } from '../store/documents/access.ts'

/** Grants for browser pages, with their limits and usage. */
export const grantEndpoints = (ports: Ports): Endpoint[] => [
  endpoint(
    contract.createGrant,
    async (c, { body }) => {
      const id = c.var.ids.grant()
      const token = `${secretPrefix.grant}${id.slice('grt_'.length)}_${randomBytes(32).toString('base64url')}`
      const grant: GrantDoc = {
        _id: id,
        rev: 1,
        apiKey: c.var.principal.id,
        secretHash: hashSecret(token),
        ...body,
        contentTypes: body.contentTypes ?? null,
        uploads: [],
        tasks: [],
        createdAt: ports.clock.now(),
        expiresAt: new Date(body.expiresAt),
      }
      if (!c.var.replayed && (await ports.store.grants.insert(grant)))
        return c.json({ grant: presentGrant(grant), token }, 201)
      // An earlier attempt created it and showed its token; the API does not keep it.
      return c.json({ grant: presentGrant((await ports.store.grants.get(id)) ?? grant), token: null }, 201)
    },
    { auditDetail: (grant) => grant },
  ),
  endpoint(contract.listGrants, async (c, { query }) => {
    const docs = await ports.store.grants.find(behind(query.cursor, 'grt_'), {
      sort: { _id: -1 },
      limit: query.limit + 1,
    })
    return c.json(pageFrom(docs, query.limit, presentGrant))
  }),
  endpoint(contract.deleteGrant, async (c, { params }) => {
    const id = params.id
    if (!(await ports.store.grants.get(id))) throw notFound('grant')
    await ports.store.grants.remove(id)
    return c.body(null, 204)
  }),
]
