import { z } from 'zod'
import type { Ports } from '../ports.ts'

const notesId = 'replicas'
const noteEveryMs = 5_000
const goneAfterMs = 15_000
const Notes = z.record(z.string(), z.coerce.date())

/** The number of API processes. Each writes a note every few seconds. */
export class Replicas {
  count = 1
  readonly #self: string
  #notedAt = 0

  constructor(self: string) {
    this.#self = self
  }

  async note(ports: Ports): Promise<void> {
    const at = ports.clock.now()
    if (at.getTime() - this.#notedAt < noteEveryMs) return
    this.#notedAt = at.getTime()
    await ports.store.meta.insert({ _id: notesId, rev: 1, at, json: '{}' })
    const change = await ports.store.meta.change(notesId, (doc) => {
      const known = Object.entries(Notes.parse(JSON.parse(doc.json)))
      const there = known.filter(([, seen]) => at.getTime() - seen.getTime() < goneAfterMs)
      return { ...doc, at, json: JSON.stringify({ ...Object.fromEntries(there), [this.#self]: at }) }
    })
    this.count = change ? Object.keys(Notes.parse(JSON.parse(change.after.json))).length : 1
  }
}
