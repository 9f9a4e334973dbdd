import type { Collection, Doc } from './collection.ts'

/** So long a document that was read is not read again by who may bear it. */
const rememberedMs = 1_000

export type Remembering<D extends Doc> = Collection<D> & {
  /**
   * As it was at most a second ago. What this process wrote since counts; what is not there is looked for each time.
   * Who must be sure that nobody goes by the old document any more waits `untilForgotten`.
   */
  recent(id: string): Promise<D | null>
}

/** For small documents that every request needs and hardly any changes. */
export function remembering<D extends Doc>(collection: Collection<D>): Remembering<D> {
  const read = new Map<string, { at: number; doc: Promise<D | null> }>()
  const forget = (id: string) => read.delete(id)

  const recent = (id: string): Promise<D | null> => {
    const now = performance.now()
    for (const [oldest, { at }] of read) {
      if (now - at <= rememberedMs) break
      read.delete(oldest)
    }
    const known = read.get(id)
    if (known) return known.doc
    const doc = collection.get(id)
    const forgetThis = () => read.get(id)?.doc === doc && read.delete(id)
    read.set(id, { at: now, doc })
    doc.then((found) => found ?? forgetThis(), forgetThis)
    return doc
  }

  return {
    ...collection,
    recent,
    change: (from, decide) =>
      collection.change(from, decide).finally(() => forget(typeof from === 'string' ? from : from._id)),
    changeMany: (from, decide) =>
      collection.changeMany(from, decide).finally(() => from.forEach(({ _id }) => void forget(_id))),
    remove: (id) => collection.remove(id).finally(() => forget(id)),
    removeUnchanged: (doc) => collection.removeUnchanged(doc).finally(() => forget(doc._id)),
  }
}

/** After this no process goes by what was read before. */
export const untilForgotten = (): Promise<void> => new Promise((done) => setTimeout(done, rememberedMs))
