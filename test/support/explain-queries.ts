import type { ApiPorts } from '@millrace/api'
import type { Db, Document, Sort } from 'mongodb'

/** A search that the API sent to the database. */
export type Query = { collection: string; filter: Document; sort: Document; limit: number }

/** The same ports; every search of the database is also added to `queries`, one of each shape. */
export function recordingQueries(queries: Map<string, Query>): (ports: ApiPorts) => ApiPorts {
  return (ports) => {
    const store = { ...ports.store }
    for (const [collection, member] of Object.entries(store)) {
      if (typeof member !== 'object' || !('find' in member)) continue
      const find = (filter: Document, { sort = {}, limit }: { sort?: Document; limit: number }) => {
        const documents = collection === 'queue' ? 'tasks' : collection
        queries.set(shapeOf(documents, filter, sort), { collection: documents, filter, sort, limit })
        return Reflect.apply(member.find, member, [filter, { sort, limit }])
      }
      Object.assign(store, { [collection]: { ...member, find } })
    }
    return { ...ports, store }
  }
}

/** Queries that differ in their values alone have one shape. The status decides how much a query finds, so it counts. */
const shapeOf = (collection: string, filter: Document, sort: Document): string =>
  collection +
  JSON.stringify({ filter, sort }, (key, value) =>
    typeof value === 'object' ||
    key === 'status' ||
    key === 'state' ||
    key === 'entry.state' ||
    key === 'retention'
      ? value
      : '?',
  )

const samples = 50
const idDigits = 6

/** Multiplies the documents of a collection, up to about `wanted`, with fresh ids. */
export async function multiply(db: Db, collection: string, wanted: number): Promise<void> {
  const some = await db.collection(collection).find().limit(samples).project({ _id: 1 }).toArray()
  if (some.length === 0) throw new Error(`no document of ${collection} to multiply`)
  const beginning = { $substrCP: ['$_id', 0, { $subtract: [{ $strLenCP: '$_id' }, idDigits] }] }
  const number = { $substrCP: [{ $toString: { $add: [10 ** idDigits, '$copy'] } }, 1, idDigits] }
  await db
    .collection(collection)
    .aggregate([
      { $limit: samples },
      { $set: { copy: { $range: [0, Math.ceil(wanted / some.length)] } } },
      { $unwind: '$copy' },
      { $set: { _id: { $concat: [beginning, number] } } },
      { $unset: 'copy' },
      { $merge: { into: collection, whenMatched: 'keepExisting' } },
    ])
    .toArray()
}

export type Explained = { stages: string[]; examined: number; returned: number }

/** How the server carries out a query. */
export async function explain(db: Db, { collection, filter, sort, limit }: Query): Promise<Explained> {
  const cursor = db
    .collection(collection)
    .find(filter)
    .sort(sort as Sort)
    .limit(limit)
  const { queryPlanner, executionStats } = await cursor.explain('executionStats')
  return {
    stages: stagesOf(queryPlanner.winningPlan.queryPlan ?? queryPlanner.winningPlan),
    examined: executionStats.totalDocsExamined,
    returned: executionStats.nReturned,
  }
}

const stagesOf = ({ stage, inputStage, inputStages = [] }: Document): string[] => [
  stage,
  ...[...(inputStage ? [inputStage] : []), ...inputStages].flatMap(stagesOf),
]

/** What is wrong with the way in which the server carries out a query; `null`: nothing. */
export function faultOf({ stages, examined, returned }: Explained): string | null {
  if (stages.includes('COLLSCAN')) return 'reads the whole collection'
  if (stages.includes('SORT')) return 'sorts in memory'
  return examined > 2 * returned + 10 ? `examines ${examined} documents to return ${returned}` : null
}
