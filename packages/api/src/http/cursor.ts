import { Failure } from '../failure.ts'

/** A cursor is the id of the last item of a page, encoded so that clients do not build one by hand. */
export const cursorOf = (id: string): string => Buffer.from(id).toString('base64url')

/** The id in a cursor; it must have the prefix of this list's ids. */
export function idOfCursor<P extends string>(
  cursor: string | undefined,
  prefix: P,
): `${P}${string}` | undefined {
  if (cursor === undefined) return undefined
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (hasPrefix(id, prefix) && /^[\w.-]+$/.test(id) && cursorOf(id) === cursor) return id
  throw new Failure('invalid_request', 'The cursor is not valid.', {
    errors: [{ path: '/cursor', message: 'is not a cursor of this list' }],
  })
}

const hasPrefix = <P extends string>(id: string, prefix: P): id is `${P}${string}` => id.startsWith(prefix)

/** The part of a filter that selects documents after the cursor, newest first. */
export function behind<P extends string>(
  cursor: string | undefined,
  prefix: P,
): { _id?: { $lt: `${P}${string}` } } {
  const last = idOfCursor(cursor, prefix)
  return last ? { _id: { $lt: last } } : {}
}

/** One page, from documents that were read with `limit + 1`. */
export function pageFrom<D extends { _id: string }, V>(
  docs: readonly D[],
  limit: number,
  view: (doc: D) => V,
): { items: V[]; nextCursor: string | null } {
  const shown = docs.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(view), nextCursor: docs.length > limit && last ? cursorOf(last._id) : null }
}
