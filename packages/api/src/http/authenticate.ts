import { hash, timingSafeEqual } from 'node:crypto'
import { GrantId, KeyId, type Scope } from '@millrace/shared'
import { Failure } from '../failure.ts'
import type { Ports } from '../ports.ts'
import type { GrantDoc, KeyDoc, Serves } from '../store/documents/access.ts'
import type { Ctx } from './env.ts'
import type { Principal } from './principal.ts'

/**
 * The secret of a key is `mlr_<id>_<random>`, of a grant `mlg_…`, of a ticket `mlt_…`. The id leads to its document,
 * which stores only a hash.
 */
export const secretPrefix = { key: 'mlr_', grant: 'mlg_', ticket: 'mlt_' } as const

export const hashSecret = (secret: string): string => hash('sha256', secret)

const adminId = 'key_00000000000000000000000000'
const everything: Serves = { modules: ['*'], trusted: true }

/** The caller, by `Authorization: Bearer …` only: the API accepts no key in a query, since queries end up in logs. */
export async function authenticate(ports: Ports, adminKeyHash: string | null, c: Ctx): Promise<Principal> {
  const secret = c.req.header('authorization')?.match(/^Bearer\s+(\S+)$/i)?.[1]
  if (!secret) throw new Failure('unauthorized', 'Send "Authorization: Bearer <key>".')
  if (adminKeyHash && sameHash(hashSecret(secret), adminKeyHash))
    return { id: adminId, scopes: ['admin'], grant: null, rateLimit: null, serves: everything }
  return secret.startsWith(secretPrefix.grant) ? byGrant(ports, secret) : byKey(ports, secret)
}

async function byKey(ports: Ports, secret: string): Promise<Principal> {
  const id = KeyId.safeParse(`key_${idIn(secret)}`)
  const key = id.success ? await ports.store.keys.recent(id.data) : null
  if (!key || !sameHash(hashSecret(secret), key.secretHash)) throw new Failure('unauthorized', 'Unknown key.')
  return ofKey(ports, key)
}

async function byGrant(ports: Ports, secret: string): Promise<Principal> {
  const id = GrantId.safeParse(`grt_${idIn(secret)}`)
  const grant = id.success ? await ports.store.grants.get(id.data) : null
  if (!grant || !sameHash(hashSecret(secret), grant.secretHash))
    throw new Failure('unauthorized', 'Unknown token; it may have been revoked.')
  return ofGrant(ports, grant)
}

/** The current permissions of an earlier caller, by its key or grant. */
export async function principalOf(
  ports: Ports,
  adminKeyHash: string | null,
  known: { apiKey: KeyId; grant: GrantId | null },
): Promise<Principal> {
  const gone = new Failure('unauthorized', 'The key or token behind this request is no longer valid.')
  if (known.grant) {
    const grant = await ports.store.grants.get(known.grant)
    if (!grant) throw gone
    return ofGrant(ports, grant)
  }
  if (known.apiKey === adminId && adminKeyHash)
    return { id: adminId, scopes: ['admin'], grant: null, rateLimit: null, serves: everything }
  const key = await ports.store.keys.get(known.apiKey)
  if (!key) throw gone
  return ofKey(ports, key)
}

export async function isStillGood(
  ports: Ports,
  adminKeyHash: string | null,
  { id, grant }: Principal,
): Promise<boolean> {
  try {
    await principalOf(ports, adminKeyHash, { apiKey: id, grant: grant?._id ?? null })
    return true
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
}

function ofKey(ports: Ports, key: KeyDoc): Principal {
  if (isOver(ports, key)) throw new Failure('unauthorized', 'This key has expired.')
  const { _id: id, scopes, rateLimit } = key
  return { id, scopes, grant: null, rateLimit, serves: scopes.includes('admin') ? everything : key }
}

/** A grant expires with the key that created it. */
async function ofGrant(ports: Ports, grant: GrantDoc): Promise<Principal> {
  if (isOver(ports, grant)) throw new Failure('unauthorized', 'This token has expired.')
  const giver = grant.apiKey === adminId ? null : await ports.store.keys.recent(grant.apiKey)
  if (grant.apiKey !== adminId && (!giver || isOver(ports, giver)))
    throw new Failure('unauthorized', 'The key that created this token is no longer valid.')
  return {
    id: grant.apiKey,
    scopes: ['write'],
    grant,
    rateLimit: giver?.rateLimit ?? null,
    serves: { modules: [], trusted: false },
  }
}

/** The part of a secret that leads to its document. */
export const idIn = (secret: string): string => secret.slice(4, 30)

const isOver = (ports: Ports, { expiresAt }: { expiresAt: Date | null }): boolean =>
  expiresAt !== null && expiresAt <= ports.clock.now()

/** The principal, if it has the scope and, with a grant, if the endpoint is open to grants. */
export function allow(principal: Principal, one: { scope: Scope; openToGrants: boolean }): Principal {
  if (principal.grant && !one.openToGrants)
    throw new Failure('forbidden', "A grant's token gives access only to its own data and tasks.")
  if (grants(principal.scopes).has(one.scope)) return principal
  throw new Failure(
    'forbidden',
    `This needs the scope "${one.scope}"; the key has ${principal.scopes.join(', ')}.`,
  )
}

function grants(scopes: readonly Scope[]): Set<Scope> {
  const granted = new Set(scopes)
  if (granted.has('admin')) return new Set(['admin', 'write', 'read', 'agent'])
  if (granted.has('write')) granted.add('read')
  return granted
}

export const sameHash = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a), Buffer.from(b))
