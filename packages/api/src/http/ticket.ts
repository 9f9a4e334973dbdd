import { randomBytes } from 'node:crypto'
import { ticketSeconds } from '@millrace/shared'
import { Failure } from '../failure.ts'
import type { Ports } from '../ports.ts'
import type { TicketDoc } from '../store/documents/access.ts'
import { hashSecret, idIn, principalOf, sameHash, secretPrefix } from './authenticate.ts'
import type { Ctx } from './env.ts'
import type { Principal } from './principal.ts'

/**
 * A ticket opens one path for those who can send no header: `EventSource`, `<video>`, a link to a download. It is
 * good for GET and HEAD of exactly that path and query, as often as wanted within 60 s, as long as the key or grant
 * that made it is good.
 *
 * It is a document, with nothing but a hash of the secret, as keys are. A ticket without one would have to be signed
 * with something that every process of the API knows and no caller does. There is no such secret that all
 * installations have, and to sign with the hashes of keys would turn these into secrets: whoever reads a backup
 * could write tickets.
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
  // Made by an earlier try: it was shown then, and is not kept.
  return { ticket: null, expiresAt: (await ports.store.tickets.get(id))?.expiresAt ?? expiresAt }
}

/** The ticket of a request that has no key. */
export function ticketIn(c: Ctx): string | undefined {
  if (c.req.header('authorization') !== undefined) return undefined
  return ['GET', 'HEAD'].includes(c.req.method) ? c.req.query('ticket') : undefined
}

/** Whoever made the ticket, and may do no more than read. */
export async function byTicket(
  ports: Ports,
  adminKeyHash: string | null,
  c: Ctx,
  secret: string,
): Promise<Principal> {
  const ticket = await ports.store.tickets.get(`tkt_${idIn(secret)}`)
  if (!ticket || !sameHash(hashSecret(secret), ticket.secretHash) || ticket.expiresAt <= ports.clock.now())
    throw new Failure('unauthorized', `This ticket is not known; after ${ticketSeconds} s a ticket is over.`)
  if (pathOf(withoutTicket(c.req.url)) !== ticket.path)
    throw new Failure('unauthorized', 'This ticket was made for another path or another query.')
  const { apiKey, grant } = ticket
  return { ...(await principalOf(ports, adminKeyHash, { apiKey, grant })), scopes: ['read'] }
}

/** Path and query as every browser writes them, so that two spellings of one path are the same. */
export function pathOf(url: string): string {
  const { pathname, search } = new URL(url, 'http://here.invalid')
  return pathname + search
}

function withoutTicket(url: string): string {
  const [path = '', query = ''] = url.split(/\?(.*)/s)
  const rest = query.split('&').filter((one) => !one.startsWith('ticket='))
  return rest.join('&') === '' ? path : `${path}?${rest.join('&')}`
}
