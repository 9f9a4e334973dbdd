import type { GrantId } from '@millrace/shared'
import { notFound } from '../failure.ts'
import type { Ctx } from './env.ts'

/** A key sees all that an installation has; a grant's token only what was made with it. */
export const isVisible = (c: Ctx, doc: { grant: GrantId | null }): boolean =>
  c.var.principal.grant === null || c.var.principal.grant._id === doc.grant

/** The same for lists. A key may ask for one grant; a token that asks for another finds nothing. */
export function visibleFilter(c: Ctx, asked: GrantId | undefined): { grant?: GrantId | { $in: GrantId[] } } {
  const own = c.var.principal.grant?._id
  if (own && asked && asked !== own) return { grant: { $in: [] } }
  const grant = own ?? asked
  return grant ? { grant } : {}
}

/** What the caller may not see is not there. */
export function requireVisible<D extends { grant: GrantId | null }>(c: Ctx, doc: D | null, what: string): D {
  if (doc && isVisible(c, doc)) return doc
  throw notFound(what)
}
