import { type Db, type Filter, MongoBulkWriteError, MongoError, MongoServerError, type Sort } from 'mongodb'
import type { z } from 'zod'

export type { Filter, Sort }

export type Doc = { _id: string; rev: number }
export type Change<D> = { before: D; after: D }

/** Everything that the rest of the API does with a kind of document. */
export type Collection<D extends Doc> = {
  get(id: string): Promise<D | null>
  many(ids: readonly string[]): Promise<D[]>
  find(filter: Filter<D>, options: { sort?: Sort; limit: number }): Promise<D[]>
  /** Scans every matching document: only for callers that touch all of them anyway. */
  count(filter: Filter<D>, most?: number): Promise<number>
  /** `false`: a document with this id exists already, and stays unchanged. */
  insert(doc: D): Promise<boolean>
  /** Inserts the documents that do not exist yet. */
  insertMissing(docs: readonly D[]): Promise<void>
  /**
   * Reads, decides, writes on `{_id, rev}`, and retries on a conflict. `decide` returns the changed document, or nothing
   * to leave it as it is. Passing a document saves the first read.
   */
  change(from: string | D, decide: (doc: D) => D | null | undefined): Promise<Change<D> | null>
  /**
   * Changes many documents, each like `change`, with one round trip if no other writer interferes. A given document that
   * is out of date is read again and decided separately.
   */
  changeMany(from: readonly D[], decide: (doc: D) => D | null | undefined): Promise<void>
  /** Like `change`, for a document that may be missing: then it is written as if it had been this one. */
  changeOrInsert(thought: D, decide: (doc: D) => D | null | undefined): Promise<void>
  /** Like `changeMany`, for documents that may be missing. */
  changeOrInsertMany(thought: readonly D[], decide: (doc: D) => D | null | undefined): Promise<void>
  remove(id: string): Promise<void>
  /** Removes only what was read; `false`: another writer changed or removed it meanwhile. */
  removeUnchanged(doc: D): Promise<boolean>
}

/** A collection whose documents also change in follow-ups. */
export type WithFollowUps<D extends Doc> = Collection<D> & {
  /**
   * The same, with writes that do not wait for the disk. Only for what a durable marker lets any process write again:
   * MongoDB's journal keeps the order of all writes, so a later durable write, such as the one that removes the marker,
   * never survives a crash without these. A replica set answers after a majority has the write, in both cases.
   */
  followUp: Collection<D>
}

type Options<D> = {
  /** Whether a write waits until it is in the journal, on disk. */
  isDurable: boolean
  /** Called before each write with its number of documents. */
  wrote: (documents: number) => void
  /** Called before each search. */
  searched: () => void
  /** Fields that only indexes need. They follow from the others, are written with them, and are not read. */
  derive?: (doc: D) => Record<string, unknown>
  /** Only documents that have the path `having`, and only some of their fields. */
  part?: { having: string; fields: readonly string[] }
}

export function openCollection<S extends z.ZodType<Doc>>(
  db: Db,
  name: string,
  schema: S,
  { isDurable, wrote, searched, derive, part }: Options<z.output<S> & Doc>,
): Collection<z.output<S> & Doc> {
  type D = z.output<S> & Doc
  const raw = db.collection<D>(name, { writeConcern: { w: 'majority', journal: isDurable } })
  const whole = (doc: D): D => ({ ...doc, ...derive?.(doc) })
  const difference = (before: D, after: D) => ({
    $set: { ...changes(before, after), ...(derive && derivedChanges(derive(before), derive(after))) },
  })
  const parse = (found: unknown): D => schema.parse(found)
  const within = (filter: Filter<D>): Filter<D> =>
    part ? { [part.having]: { $exists: true }, ...filter } : filter
  const options = part ? { projection: Object.fromEntries(part.fields.map((field) => [field, 1])) } : {}

  const get = async (id: string) => {
    searched()
    const found = await raw.findOne(within(byId<D>(id)), options)
    return found ? parse(found) : null
  }

  const many = async (ids: readonly string[]) => {
    if (ids.length === 0) return []
    if (ids.length === 1) return [await get(ids[0] ?? '')].filter((doc) => doc !== null)
    searched()
    const found = await raw.find(within({ _id: { $in: [...ids] } } as Filter<D>), options).toArray()
    return found.map(parse)
  }

  const change: Collection<D>['change'] = async (from, decide) => {
    let before = typeof from === 'string' ? await get(from) : from
    while (before) {
      const decided = decide(before)
      if (!decided) return null
      const after = { ...decided, rev: before.rev + 1 }
      const written = await fitting(raw.updateOne(byRev<D>(before), difference(before, after)))
      wrote(1)
      if (written.matchedCount === 1) return { before, after }
      before = await get(before._id)
    }
    return null
  }

  const insert: Collection<D>['insert'] = async (doc) => {
    try {
      wrote(1)
      await fitting(raw.insertOne(whole(doc) as Parameters<typeof raw.insertOne>[0]))
      return true
    } catch (error) {
      if (isDuplicate(error)) return false
      throw error
    }
  }

  const changeOrInsert: Collection<D>['changeOrInsert'] = async (thought, decide) => {
    for (;;) {
      if (await change(thought, decide)) return
      const decided = decide(thought)
      if (!decided || (await insert(decided))) return
      // It exists: it needs no change, or another writer inserted it just now.
      const found = await get(thought._id)
      if (found && !decide(found)) return
    }
  }

  /** One round trip; what it did not find as it was thought to be is left to `otherwise`. */
  const changeTogether = async (
    from: readonly D[],
    decide: (doc: D) => D | null | undefined,
    otherwise: (before: D) => Promise<unknown>,
  ) => {
    const changes = from.flatMap((before) => {
      const decided = decide(before)
      return decided ? [{ before, after: { ...decided, rev: before.rev + 1 } }] : []
    })
    if (changes.length === 0) return
    wrote(changes.length)
    const written = await fitting(
      raw.bulkWrite(
        changes.map(({ before, after }) => ({
          updateOne: { filter: byRev<D>(before), update: difference(before, after) },
        })),
        { ordered: false },
      ),
    )
    if (written.matchedCount === changes.length) return
    for (const { before } of changes) await otherwise(before)
  }

  return {
    get,
    many,
    change,
    changeOrInsert,
    insert,
    changeMany: (from, decide) => changeTogether(from, decide, ({ _id }) => change(_id, decide)),
    changeOrInsertMany: (from, decide) =>
      changeTogether(from, decide, (thought) => changeOrInsert(thought, decide)),
    async find(filter, { sort, limit }) {
      searched()
      const cursor = raw.find(within(filter), options).limit(limit)
      const found = await (sort ? cursor.sort(sort) : cursor).toArray()
      return found.map(parse)
    },
    count(filter, most) {
      searched()
      return raw.countDocuments(within(filter), most === undefined ? {} : { limit: most })
    },
    async insertMissing(docs) {
      if (docs.length === 0) return
      wrote(docs.length)
      try {
        await fitting(
          raw.insertMany(docs.map(whole) as Parameters<typeof raw.insertMany>[0], { ordered: false }),
        )
      } catch (error) {
        if (!isDuplicate(error)) throw error
      }
    },
    async remove(id) {
      wrote(1)
      await raw.deleteOne(byId<D>(id))
    },
    async removeUnchanged(doc) {
      wrote(1)
      return (await raw.deleteOne(byRev<D>(doc))).deletedCount === 1
    },
  }
}

const byId = <D extends Doc>(id: string) => ({ _id: id }) as Filter<D>
const byRev = <D extends Doc>({ _id, rev }: Doc) => ({ _id, rev }) as Filter<D>

/** Only what changed is sent: a task may carry a megabyte of inputs that no step ever touches. */
function changes<D extends Doc>(before: D, after: D): Partial<D> {
  const changed = Object.entries(after).filter(([key, value]) => before[key as keyof D] !== value)
  return Object.fromEntries(changed) as Partial<D>
}

const derivedChanges = (before: Record<string, unknown>, after: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(after).filter(([key, value]) => JSON.stringify(before[key]) !== JSON.stringify(value)),
  )

function isDuplicate(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error as MongoServerError).code === 11000
}

/** The database is unreachable; the request itself is valid. */
export function isDatabaseAway(error: unknown): boolean {
  const away =
    /MongoNetwork|MongoServerSelection|MongoTopologyClosed|MongoPoolCleared|MongoNotConnected|MongoOperationTimeout/
  if (error instanceof MongoServerError && primaryGone.has(Number(error.code))) return true
  // The driver wraps what cut off a write of several documents.
  if (error instanceof MongoBulkWriteError && error.errorResponse !== error)
    return isDatabaseAway(error.errorResponse)
  return error instanceof MongoError && away.test(error.name)
}

/** A document exceeds MongoDB's limit of 16 MiB. */
export class DocumentTooLarge extends Error {
  override name = 'DocumentTooLarge'
}

/** The driver fails on a document that is too large by overrunning its buffer; only a write's overrun means that. */
async function fitting<T>(write: Promise<T>): Promise<T> {
  try {
    return await write
  } catch (error) {
    if (isTooLarge(error)) throw new DocumentTooLarge('a document is too large', { cause: error })
    throw error
  }
}

const isTooLarge = (error: unknown): boolean =>
  (error instanceof MongoServerError && tooLarge.has(Number(error.code))) ||
  (error instanceof RangeError && error.message.includes('out of range')) ||
  (error instanceof Error && /document is larger than the maximum size/i.test(error.message))

const tooLarge = new Set([10334, 17280, 17419, 17420])

/**
 * Errors of a replica set member that is not the primary, no longer, or shutting down. By then the driver has retried
 * once: https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md
 */
const primaryGone = new Set([
  91, // ShutdownInProgress
  189, // PrimarySteppedDown
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11602, // InterruptedDueToReplStateChange
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
])
