import { Failure } from '../failure.ts'

/** A cursor is the id of the last item seen, wrapped so that nobody builds one by hand. */
export const cursorOf = (id: string): string => Buffer.from(id).toString('base64url')

export function idOfCursor(cursor: string | undefined, prefix: string): string | undefined {
  if (cursor === undefined) return undefined
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (id.startsWith(prefix) && /^[\w.-]+$/.test(id) && cursorOf(id) === cursor) return id
  throw new Failure('invalid_request', 'The cursor is not one of ours.', {
    errors: [{ path: '/cursor', message: 'is not a cursor of this list' }],
  })
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
