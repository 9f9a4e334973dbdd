import { hash, timingSafeEqual } from 'node:crypto'
import type { Scope } from '@millrace/shared'
import { KeyId } from '@millrace/shared'
import { Failure } from '../failure.ts'
import type { Store } from '../store/store.ts'
import type { Ctx, Principal } from './env.ts'

/** A secret is `mlr_<id>_<random>`: the id finds its document, which holds nothing but a hash. */
export const secretPrefix = 'mlr_'

export const hashSecret = (secret: string): string => hash('sha256', secret)

/** Who asks, by `Authorization: Bearer …` only: never by a query, which ends up in logs. */
export async function authenticate(store: Store, adminKeyHash: string | null, c: Ctx): Promise<Principal> {
  const secret = c.req.header('authorization')?.match(/^Bearer\s+(\S+)$/i)?.[1]
  if (!secret) throw new Failure('unauthorized', 'Send "Authorization: Bearer <key>".')
  if (adminKeyHash && same(hashSecret(secret), adminKeyHash))
    return { id: 'key_00000000000000000000000000', scopes: ['admin'] }
  const id = KeyId.safeParse(`key_${secret.slice(secretPrefix.length, secretPrefix.length + 26)}`)
  const key = id.success ? await store.keys.get(id.data) : null
  if (!key || !same(hashSecret(secret), key.secretHash))
    throw new Failure('unauthorized', 'This key is not known.')
  if (key.expiresAt && key.expiresAt < new Date()) throw new Failure('unauthorized', 'This key has expired.')
  return { id: key._id, scopes: key.scopes }
}

/** The principal, if the scope is among what it may do. */
export function allow(principal: Principal, scope: Scope): Principal {
  if (grants(principal.scopes).has(scope)) return principal
  throw new Failure(
    'forbidden',
    `This needs the scope "${scope}"; the key has ${principal.scopes.join(', ')}.`,
  )
}

function grants(scopes: readonly Scope[]): Set<Scope> {
  const granted = new Set(scopes)
  if (granted.has('admin')) return new Set(['admin', 'write', 'read', 'agent'])
  if (granted.has('write')) granted.add('read')
  return granted
}

const same = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a), Buffer.from(b))
