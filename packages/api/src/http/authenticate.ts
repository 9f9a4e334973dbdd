import { hash, timingSafeEqual } from 'node:crypto'
import { GrantId, KeyId, type Scope } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import { Failure } from '../failure.ts'
import type { GrantDoc, KeyDoc, Serves } from '../store/documents/access.ts'
import type { Ctx, Principal } from './env.ts'

/**
 * A secret is `mlr_<id>_<random>`, of a grant `mlg_…`, of a ticket `mlt_…`: the id finds its document, which holds
 * nothing but a hash.
 */
export const secretPrefix = { key: 'mlr_', grant: 'mlg_', ticket: 'mlt_' } as const

export const hashSecret = (secret: string): string => hash('sha256', secret)

const adminId = 'key_00000000000000000000000000'
const everything: Serves = { modules: ['*'], trusted: true }

/** Who asks, by `Authorization: Bearer …` only: a key is never taken from a query, which ends up in logs. */
export async function authenticate(deps: Deps, adminKeyHash: string | null, c: Ctx): Promise<Principal> {
  const secret = c.req.header('authorization')?.match(/^Bearer\s+(\S+)$/i)?.[1]
  if (!secret) throw new Failure('unauthorized', 'Send "Authorization: Bearer <key>".')
  if (adminKeyHash && sameHash(hashSecret(secret), adminKeyHash))
    return { id: adminId, scopes: ['admin'], grant: null, rateLimit: null, serves: everything }
  return secret.startsWith(secretPrefix.grant) ? byGrant(deps, secret) : byKey(deps, secret)
}

async function byKey(deps: Deps, secret: string): Promise<Principal> {
  const id = KeyId.safeParse(`key_${idIn(secret)}`)
  const key = id.success ? await deps.store.keys.recent(id.data) : null
  if (!key || !sameHash(hashSecret(secret), key.secretHash))
    throw new Failure('unauthorized', 'This key is not known.')
  return ofKey(deps, key)
}

async function byGrant(deps: Deps, secret: string): Promise<Principal> {
  const id = GrantId.safeParse(`grt_${idIn(secret)}`)
  const grant = id.success ? await deps.store.grants.get(id.data) : null
  if (!grant || !sameHash(hashSecret(secret), grant.secretHash))
    throw new Failure('unauthorized', 'This token is not known: it may have been revoked.')
  return ofGrant(deps, grant)
}

/** Who somebody is that was recognised before, by the key or grant as it is now. */
export async function principalOf(
  deps: Deps,
  adminKeyHash: string | null,
  known: { apiKey: KeyId; grant: GrantId | null },
): Promise<Principal> {
  const gone = new Failure('unauthorized', 'The key or token that this came from is not good any more.')
  if (known.grant) {
    const grant = await deps.store.grants.get(known.grant)
    if (!grant) throw gone
    return ofGrant(deps, grant)
  }
  if (known.apiKey === adminId && adminKeyHash)
    return { id: adminId, scopes: ['admin'], grant: null, rateLimit: null, serves: everything }
  const key = await deps.store.keys.get(known.apiKey)
  if (!key) throw gone
  return ofKey(deps, key)
}

export async function isStillGood(
  deps: Deps,
  adminKeyHash: string | null,
  { id, grant }: Principal,
): Promise<boolean> {
  try {
    await principalOf(deps, adminKeyHash, { apiKey: id, grant: grant?._id ?? null })
    return true
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
}

function ofKey(deps: Deps, key: KeyDoc): Principal {
  if (isOver(deps, key)) throw new Failure('unauthorized', 'This key has expired.')
  const { _id: id, scopes, rateLimit } = key
  return { id, scopes, grant: null, rateLimit, serves: scopes.includes('admin') ? everything : key }
}

/** A grant ends with the key that gave it. */
async function ofGrant(deps: Deps, grant: GrantDoc): Promise<Principal> {
  if (isOver(deps, grant)) throw new Failure('unauthorized', 'This token has expired.')
  const giver = grant.apiKey === adminId ? null : await deps.store.keys.recent(grant.apiKey)
  if (grant.apiKey !== adminId && (!giver || isOver(deps, giver)))
    throw new Failure('unauthorized', 'The key that gave this token is not good any more.')
  return {
    id: grant.apiKey,
    scopes: ['write'],
    grant,
    rateLimit: giver?.rateLimit ?? null,
    serves: { modules: [], trusted: false },
  }
}

/** The part of a secret that finds its document. */
export const idIn = (secret: string): string => secret.slice(4, 30)

const isOver = (deps: Deps, { expiresAt }: { expiresAt: Date | null }): boolean =>
  expiresAt !== null && expiresAt <= deps.clock.now()

/** The principal, if the scope is among what it may do; with a grant, if that opens the endpoint at all. */
export function allow(principal: Principal, one: { scope: Scope; openToGrants: boolean }): Principal {
  if (principal.grant && !one.openToGrants)
    throw new Failure('forbidden', "A grant's token opens its own data and tasks, and nothing else.")
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
