import type { BatchDoc, DataDoc, SlotDoc, TaskDoc } from '@millrace/api/life'
import type { Document } from 'mongodb'
import type { Write } from './watched-db.ts'

type Kinds = { tasks: TaskDoc; data: DataDoc; slots: SlotDoc; batches: BatchDoc }
type Kind = keyof Kinds

/** A write, and the documents before and after it. */
export type Seen = {
  [K in Kind]: { kind: K; before: Kinds[K] | undefined; after: Kinds[K] | undefined }
}[Kind]

/**
 * What the database holds, followed write by write, so that every state it was ever in can be judged. It takes a
 * write as the database does: an insert where nothing is, an update only at the revision it names.
 */
export class Mirror {
  readonly tasks = new Map<string, TaskDoc>()
  readonly data = new Map<string, DataDoc>()
  readonly slots = new Map<string, SlotDoc>()
  readonly batches = new Map<string, BatchDoc>()

  follow(collection: string, writes: readonly Write[]): Seen[] {
    const kind = isKind(collection) ? collection : null
    if (!kind) return []
    return writes.flatMap((write) => {
      const documents: Map<string, Document> = this[kind]
      const id = write.kind === 'insert' ? String(write.doc._id) : write.id
      const before = documents.get(id)
      if (write.kind === 'insert' ? before : !before || (write.rev !== undefined && before.rev !== write.rev))
        return []
      const after =
        write.kind === 'insert'
          ? { ...write.doc }
          : write.kind === 'update'
            ? { ...before, ...write.set }
            : undefined
      if (after) documents.set(id, after)
      else documents.delete(id)
      return [{ kind, before, after } as Seen]
    })
  }
}

const isKind = (name: string): name is Kind =>
  name === 'tasks' || name === 'data' || name === 'slots' || name === 'batches'
