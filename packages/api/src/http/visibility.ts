import type { GrantId } from '@millrace/shared'
import { notFound } from '../failure.ts'
import type { Ctx } from './env.ts'

/** A key sees everything in an installation; a grant's token only objects created with it. */
const isVisible = (c: Ctx, doc: { grant: GrantId | null }): boolean =>
  c.var.principal.grant === null || c.var.principal.grant._id === doc.grant

/** The same as a filter. A key may filter by one grant; a token that names another finds nothing. */
export function visibleFilter(c: Ctx, asked: GrantId | undefined): { grant?: GrantId | { $in: GrantId[] } } {
  const own = c.var.principal.grant?._id
  if (own && asked && asked !== own) return { grant: { $in: [] } }
  const grant = own ?? asked
  return grant ? { grant } : {}
}

/** Throws `not_found` for objects that the caller may not see. */
export function requireVisible<D extends { grant: GrantId | null }>(c: Ctx, doc: D | null, what: string): D {
  if (doc && isVisible(c, doc)) return doc
  throw notFound(what)
}
