import type { RateLimit, Scope } from '@millrace/shared'
import type { GrantDoc, Serves } from '../store/documents/access.ts'

/**
 * Who is asking. The installation's own admin key has no document. With a grant's token it is the grant, in the
 * name of the key that gave it.
 */
export type Principal = {
  id: `key_${string}`
  scopes: readonly Scope[]
  grant: GrantDoc | null
  rateLimit: RateLimit | null
  serves: Serves
}
