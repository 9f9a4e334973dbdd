import { contract } from '@millrace/shared'
import { Failure } from '../failure.ts'
import { type Endpoint, endpoint, leadsTo } from '../http/endpoint.ts'
import type { Principal } from '../http/principal.ts'
import { makeTicket, pathOf } from '../http/ticket.ts'
import type { Ports } from '../ports.ts'

/** Tickets for the other endpoints. */
export const ticketEndpoints = (ports: Ports, others: readonly Endpoint[]): Endpoint[] => [
  endpoint(contract.createTicket, async (c, { body }) => {
    const { principal } = c.var
    c.var.budget.take('tickets')
    const path = readablePath(others, principal, body.path)
    const { ticket, expiresAt } = await makeTicket(ports, { id: c.var.ids.ticket(), path, principal })
    return c.json({ ticket: c.var.replayed ? null : ticket, expiresAt: expiresAt.toISOString() }, 201)
  }),
]

/** The path, if the caller may GET it with its key. Whether the object exists is decided by that GET. */
function readablePath(others: readonly Endpoint[], principal: Principal, given: string): string {
  if (!given.startsWith('/api/') || given.includes('#'))
    throw refused('must be a path of this API that begins with /api/, without a fragment')
  const path = pathOf(given)
  const [way = '', query = ''] = path.split('?')
  if (new URLSearchParams(query).has('ticket')) throw refused('must not contain a ticket')
  const isReadable = others.some(
    (one) =>
      one.method === 'GET' &&
      one.scope === 'read' &&
      (!principal.grant || one.openToGrants) &&
      leadsTo(one.path, way),
  )
  if (way.startsWith('/api/') && isReadable) return path
  throw refused('is not a path that GET with the scope "read" can open')
}

const refused = (message: string): Failure =>
  new Failure('invalid_request', `The body is not valid: /path: ${message}.`, {
    errors: [{ path: '/path', message }],
  })
