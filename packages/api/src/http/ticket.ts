import { randomBytes } from 'node:crypto'
import { ticketSeconds } from '@millrace/shared'
import { Failure } from '../failure.ts'
import type { Ports } from '../ports.ts'
import type { TicketDoc } from '../store/documents/access.ts'
import { hashSecret, idIn, principalOf, sameHash, secretPrefix } from './authenticate.ts'
import type { Ctx } from './env.ts'
import type { Principal } from './principal.ts'

/**
 * A ticket opens one path for callers that cannot send headers: `EventSource`, `<video>`, a download link. It is valid
 * for any number of GETs and HEADs of exactly that path and query within 60 s, while the key or grant that created it is
 * valid.
 *
 * It is a document that stores only a hash of the secret, like a key. A ticket without a document would need a signature
 * with a secret that every API process has and no caller knows. Installations do not always have such a secret, and
 * signing with the hashes of keys would let a reader of a backup forge tickets.
 */
export async function makeTicket(
  ports: Ports,
  { id, path, principal }: { id: TicketDoc['_id']; path: string; principal: Principal },
): Promise<{ ticket: string | null; expiresAt: Date }> {
  const secret = `${secretPrefix.ticket}${id.slice('tkt_'.length)}_${randomBytes(32).toString('base64url')}`
  const expiresAt = new Date(ports.clock.now().getTime() + ticketSeconds * 1000)
  const doc: TicketDoc = {
    _id: id,
    rev: 1,
    secretHash: hashSecret(secret),
    apiKey: principal.id,
    grant: principal.grant?._id ?? null,
    path,
    expiresAt,
  }
  if (await ports.store.tickets.insert(doc)) return { ticket: secret, expiresAt }
  // An earlier attempt created the ticket and showed it; the API does not keep it.
  return { ticket: null, expiresAt: (await ports.store.tickets.get(id))?.expiresAt ?? expiresAt }
}

/** The ticket of a request that has no key. */
export function ticketIn(c: Ctx): string | undefined {
  if (c.req.header('authorization') !== undefined) return undefined
  return ['GET', 'HEAD'].includes(c.req.method) ? c.req.query('ticket') : undefined
}

/** The principal that created the ticket, limited to reads. */
export async function byTicket(
  ports: Ports,
  adminKeyHash: string | null,
  c: Ctx,
  secret: string,
): Promise<Principal> {
  const ticket = await ports.store.tickets.get(`tkt_${idIn(secret)}`)
  if (!ticket || !sameHash(hashSecret(secret), ticket.secretHash) || ticket.expiresAt <= ports.clock.now())
    throw new Failure('unauthorized', `Unknown ticket; a ticket expires after ${ticketSeconds} s.`)
  if (pathOf(withoutTicket(c.req.url)) !== ticket.path)
    throw new Failure('unauthorized', 'This ticket is for another path or query.')
  const { apiKey, grant } = ticket
  return { ...(await principalOf(ports, adminKeyHash, { apiKey, grant })), scopes: ['read'] }
}

/** Path and query as browsers write them, so that two spellings of one path compare equal. */
export function pathOf(url: string): string {
  const { pathname, search } = new URL(url, 'http://here.invalid')
  return pathname + search
}

function withoutTicket(url: string): string {
  const [path = '', query = ''] = url.split(/\?(.*)/s)
  const rest = query.split('&').filter((one) => !one.startsWith('ticket='))
  return rest.join('&') === '' ? path : `${path}?${rest.join('&')}`
}
