import { type ApiPorts, type Index, indexes } from '@millrace/api'

/** What of a query decides which index can serve it. */
export type Shape = { collection: string; equal: string[]; range: string[]; sort: [string, unknown][] }

/** The same servers, with every search that goes to the database written down. */
export function recordingQueries(shapes: Map<string, Shape>): (deps: ApiPorts) => ApiPorts {
  return (deps) => {
    const store = { ...deps.store }
    for (const [name, member] of Object.entries(store)) {
      if (typeof member !== 'object' || !('find' in member)) continue
      const find = member.find
      Object.assign(store, {
        [name]: {
          ...member,
          find(filter: Record<string, unknown>, options: { sort?: Record<string, unknown>; limit: number }) {
            const shape = shapeOf(name, filter, options.sort)
            shapes.set(JSON.stringify(shape), shape)
            return Reflect.apply(find, member, [filter, options])
          },
        },
      })
    }
    return { ...deps, store }
  }
}

function shapeOf(collection: string, filter: Record<string, unknown>, sort: object = {}): Shape {
  const equal: string[] = []
  const range: string[] = []
  for (const [field, wanted] of Object.entries(filter)) {
    if (field === '$or') continue // narrows what the rest finds
    const operators = isOperators(wanted) ? Object.keys(wanted) : []
    if (operators.every((operator) => operator === '$in')) equal.push(field)
    else range.push(field)
  }
  return { collection, equal: equal.sort(), range: range.sort(), sort: Object.entries(sort) }
}

const isOperators = (wanted: unknown): wanted is object =>
  typeof wanted === 'object' && wanted !== null && Object.keys(wanted).some((key) => key.startsWith('$'))

/**
 * An index serves a query whose fields it begins with: first those that are compared with values, then the order
 * that is wanted, or a range. Without any condition the order alone will do.
 */
export function isServed(shape: Shape): boolean {
  const own: Index[] = [{ key: { _id: 1 }, serves: 'ids' }, ...(indexes[shape.collection] ?? [])]
  return own.some(({ key }) => {
    const fields = Object.keys(key)
    const begins = fields.findIndex((field) => !shape.equal.includes(field))
    const held = begins === -1 ? fields.length : begins
    const next = fields[held]
    const isNarrowed = shape.equal.length + shape.range.filter((field) => field !== '_id').length > 0
    if (held > 0) return true
    if (!isNarrowed)
      return shape.sort.length === 0 || shape.sort[0]?.[0] === next || shape.range.includes(next ?? '')
    return next !== '_id' && next !== undefined && shape.range.includes(next)
  })
}
