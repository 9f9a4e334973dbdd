import type { Key, Scope } from '@millrace/shared'
import type { KeyDoc, Serves } from '../store/documents/access.ts'
import { iso } from './task.ts'

export const presentKey = ({ _id, name, scopes, createdAt, expiresAt, rateLimit, ...key }: KeyDoc): Key => ({
  id: _id,
  name,
  scopes,
  createdAt: createdAt.toISOString(),
  expiresAt: iso(expiresAt),
  rateLimit,
  ...servedBy(scopes, key),
})

/** Keys without the scope `agent` have no such rights. */
function servedBy(scopes: readonly Scope[], { modules, trusted }: Serves) {
  if (scopes.includes('admin')) return { modules: ['*'], trusted: true }
  return scopes.includes('agent') ? { modules: [...modules], trusted } : {}
}
