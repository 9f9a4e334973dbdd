import { Failure } from '../failure.ts'

/** A cursor is the id of the last item seen, wrapped so that nobody builds one by hand. */
export const cursorOf = (id: string): string => Buffer.from(id).toString('base64url')

/** The id in a cursor, with the prefix that ids of this list have. */
export function idOfCursor<P extends string>(
  cursor: string | undefined,
  prefix: P,
): `${P}${string}` | undefined {
  if (cursor === undefined) return undefined
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (hasPrefix(id, prefix) && /^[\w.-]+$/.test(id) && cursorOf(id) === cursor) return id
  throw new Failure('invalid_request', 'The cursor is not one of ours.', {
    errors: [{ path: '/cursor', message: 'is not a cursor of this list' }],
  })
}

const hasPrefix = <P extends string>(id: string, prefix: P): id is `${P}${string}` => id.startsWith(prefix)

/** The part of a filter that takes documents behind the cursor, newest first. */
export function behind<P extends string>(
  cursor: string | undefined,
  prefix: P,
): { _id?: { $lt: `${P}${string}` } } {
  const last = idOfCursor(cursor, prefix)
  return last ? { _id: { $lt: last } } : {}
}

/** One page of documents that were read with `limit + 1`. */
export function pageFrom<D extends { _id: string }, V>(
  docs: readonly D[],
  limit: number,
  view: (doc: D) => V,
): { items: V[]; nextCursor: string | null } {
  const shown = docs.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(view), nextCursor: docs.length > limit && last ? cursorOf(last._id) : null }
}
