import type { Db, Document } from 'mongodb'

/** One call to the database: `write` names what it would change, document by document. */
export type Call = { collection: string; write: Write[] | null }
export type Write =
  | { kind: 'insert'; doc: Document }
  | { kind: 'update'; id: string; rev: number; set: Document }
  | { kind: 'remove'; id: string; rev?: number }

/** Makes a call, or never answers. `perform` writes the first `count` documents of it, or all. */
export type Gate = <T>(call: Call, perform: (count?: number) => Promise<T>) => Promise<T>

/** A database whose every call goes through a gate: the store on top of it is the real one. */
export function watchedDb(db: Db, gate: Gate): Db {
  return new Proxy(db, {
    get(target, key) {
      if (key === 'collection') return (name: string) => watchedCollection(target, name, gate)
      return Reflect.get(target, key)
    },
  })
}

function watchedCollection(db: Db, name: string, gate: Gate) {
  const raw = db.collection<Document>(name)
  const read = <T>(perform: () => Promise<T>) => gate({ collection: name, write: null }, perform)
  const write = <T>(writes: Write[], perform: (count: number) => Promise<T>) =>
    gate({ collection: name, write: writes }, (count = writes.length) => perform(count))
  return {
    findOne: (filter: Document) => read(() => raw.findOne(filter)),
    find(filter: Document) {
      // A query without an order gets one all the same: it must not depend on the database.
      const cursor = raw.find(filter).sort({ _id: 1 })
      const chain = {
        limit(most: number) {
          cursor.limit(most)
          return chain
        },
        sort(order: Document) {
          cursor.sort(order)
          return chain
        },
        toArray: () => read(() => cursor.toArray()),
      }
      return chain
    },
    countDocuments: (filter: Document, options: object) => read(() => raw.countDocuments(filter, options)),
    aggregate: (stages: Document[]) => ({ toArray: () => read(() => raw.aggregate(stages).toArray()) }),
    insertOne: (doc: Document) => write([{ kind: 'insert', doc }], () => raw.insertOne({ ...doc })),
    insertMany: (docs: Document[], options: object) =>
      write(
        docs.map((doc) => ({ kind: 'insert' as const, doc })),
        (count) =>
          raw.insertMany(
            docs.slice(0, count).map((doc) => ({ ...doc })),
            options,
          ),
      ),
    updateOne: (filter: Document, update: Document) =>
      write([updateOf(filter, update)], () => raw.updateOne(filter, update)),
    bulkWrite: (operations: { updateOne: { filter: Document; update: Document } }[], options: object) =>
      write(
        operations.map(({ updateOne }) => updateOf(updateOne.filter, updateOne.update)),
        (count) => raw.bulkWrite(operations.slice(0, count), options),
      ),
    deleteOne: (filter: Document) =>
      write([{ kind: 'remove', id: filter._id, rev: filter.rev }], () => raw.deleteOne(filter)),
  }
}

const updateOf = (filter: Document, update: Document): Write => ({
  kind: 'update',
  id: filter._id,
  rev: filter.rev,
  set: update.$set,
})
