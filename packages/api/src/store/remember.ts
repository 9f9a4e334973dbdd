import type { Collection, Doc } from './collection.ts'

/** How long `recent` returns a document without reading it again. */
const rememberedMs = 1_000

export type Remembering<D extends Doc> = Collection<D> & {
  /**
   * The document, at most a second old. Writes of this process show at once; a missing document is looked up each time.
   * To be sure that no process uses the old document any more, wait `untilForgotten`.
   */
  recent(id: string): Promise<D | null>
}

/** For small documents that every request reads and few requests change. */
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

/** After this no process uses a document that it read before. */
export const untilForgotten = (): Promise<void> => new Promise((done) => setTimeout(done, rememberedMs))
