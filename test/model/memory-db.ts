import type { Db, Document } from 'mongodb'
import { MongoServerError } from 'mongodb'

/**
 * As much of a database as the store asks for, in memory, so that ten lives are played in the time of one. The tests
 * hold it to the real one: a seed must play the same life over both.
 */
export function memoryDb(): Db {
  const collections = new Map<string, ReturnType<typeof memoryCollection>>()
  const collection = (name: string) => {
    const known = collections.get(name) ?? memoryCollection()
    collections.set(name, known)
    return known
  }
  return new Proxy({} as Db, {
    get: (_, key) => (key === 'collection' ? collection : async () => collections.clear()),
  })
}

function memoryCollection() {
  const documents = new Map<string, Document>()
  const candidates = ({ _id: id }: Document): Document[] => {
    const ids: string[] | undefined = typeof id === 'string' ? [id] : id?.$in
    return ids ? ids.flatMap((one) => documents.get(one) ?? []) : [...documents.values()]
  }
  const matching = (filter: Document): Document[] => candidates(filter).filter((doc) => matches(doc, filter))
  const insert = (doc: Document): boolean => {
    if (documents.has(doc._id)) return false
    documents.set(doc._id, structuredClone(doc))
    return true
  }
  const update = (filter: Document, { $set }: Document): number => {
    const [before] = matching(filter)
    if (before) documents.set(before._id, { ...before, ...structuredClone($set) })
    return before ? 1 : 0
  }
  return {
    findOne: async (filter: Document) => matching(filter)[0] ?? null,
    find(filter: Document) {
      let most = Number.POSITIVE_INFINITY
      let order: Document = {}
      const cursor = {
        limit(count: number) {
          most = count
          return cursor
        },
        sort(by: Document) {
          order = by
          return cursor
        },
        toArray: async () => sorted(matching(filter), order).slice(0, most),
      }
      return cursor
    },
    countDocuments: async (filter: Document) => matching(filter).length,
    async insertOne(doc: Document) {
      if (!insert(doc)) throw duplicate()
    },
    async insertMany(docs: Document[]) {
      if (docs.map(insert).includes(false)) throw duplicate()
    },
    updateOne: async (filter: Document, change: Document) => ({ matchedCount: update(filter, change) }),
    bulkWrite: async (operations: { updateOne: { filter: Document; update: Document } }[]) => ({
      matchedCount: operations.reduce((sum, { updateOne: one }) => sum + update(one.filter, one.update), 0),
    }),
    async deleteOne(filter: Document) {
      const [found] = matching(filter)
      return { deletedCount: found && documents.delete(found._id) ? 1 : 0 }
    },
  }
}

const duplicate = () => new MongoServerError({ message: 'E11000 duplicate key', code: 11000 })

function matches(doc: Document, filter: Document): boolean {
  return Object.entries(filter).every(([path, wanted]) => {
    if (path === '$and') return wanted.every((one: Document) => matches(doc, one))
    if (path === '$or') return wanted.some((one: Document) => matches(doc, one))
    const values = valuesAt(doc, path.split('.'))
    if (!isCondition(wanted)) return values.some((value) => isEqual(value, wanted))
    return Object.entries(wanted).every(([operator, operand]) => holds(operator, operand, values))
  })
}

/** All values that a path leads to: a list stands for itself and for each of its elements. */
function valuesAt(from: unknown, path: readonly string[]): unknown[] {
  const [key, ...rest] = path
  if (key === undefined) return Array.isArray(from) ? [from, ...from] : [from]
  if (Array.isArray(from) && !/^\d+$/.test(key)) return from.flatMap((one) => valuesAt(one, path))
  const next = from === null || typeof from !== 'object' ? undefined : Reflect.get(from, key)
  return valuesAt(next, rest)
}

const isCondition = (wanted: unknown): wanted is Record<string, unknown> =>
  wanted !== null && typeof wanted === 'object' && Object.keys(wanted).some((key) => key.startsWith('$'))

function holds(operator: string, operand: unknown, values: readonly unknown[]): boolean {
  const list = Array.isArray(operand) ? operand : []
  const some = (test: (value: string | number) => boolean) =>
    values.some((value) => isComparable(value, operand) && test(comparable(value)))
  switch (operator) {
    case '$in':
      return list.some((one) => values.some((value) => isEqual(value, one)))
    case '$nin':
      return !list.some((one) => values.some((value) => isEqual(value, one)))
    case '$ne':
      return !values.some((value) => isEqual(value, operand))
    case '$exists':
      return values.some((value) => value !== undefined) === operand
    case '$type':
      return values.some((value) => typeof value === operand)
    case '$regex':
      return values.some((value) => typeof value === 'string' && new RegExp(String(operand)).test(value))
    case '$gt':
      return some((value) => value > comparable(operand))
    case '$gte':
      return some((value) => value >= comparable(operand))
    case '$lt':
      return some((value) => value < comparable(operand))
    case '$lte':
      return some((value) => value <= comparable(operand))
    default:
      throw new Error(`the memory knows no ${operator}`)
  }
}

const comparable = (value: unknown): string | number =>
  value instanceof Date ? value.getTime() : typeof value === 'number' ? value : String(value)

/** Only what is of one kind is compared, as in the real one: a date is neither before nor after nothing. */
const isComparable = (value: unknown, other: unknown): boolean =>
  (value instanceof Date && other instanceof Date) ||
  (typeof value === typeof other && (typeof value === 'string' || typeof value === 'number'))

const isEqual = (value: unknown, wanted: unknown): boolean =>
  value === wanted ||
  (wanted === null && value === undefined) ||
  (isComparable(value, wanted) && comparable(value) === comparable(wanted))

function sorted(docs: readonly Document[], order: Document): Document[] {
  const keys = Object.entries(order)
  return [...docs].sort((a, b) => {
    for (const [key, direction] of keys) {
      const [one, other] = [
        comparable(valuesAt(a, key.split('.'))[0]),
        comparable(valuesAt(b, key.split('.'))[0]),
      ]
      if (one !== other) return one < other ? -direction : direction
    }
    return 0
  })
}
