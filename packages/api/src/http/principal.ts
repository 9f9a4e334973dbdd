import type { RateLimit, Scope } from '@millrace/shared'
import type { GrantDoc, Serves } from '../store/documents/access.ts'

/**
 * The caller's identity. The installation's own admin key has no document. A grant's token acts as the grant, in the name
 * of the key that created it.
 */
export type Principal = {
  id: `key_${string}`
  scopes: readonly Scope[]
  grant: GrantDoc | null
  rateLimit: RateLimit | null
  serves: Serves
}
