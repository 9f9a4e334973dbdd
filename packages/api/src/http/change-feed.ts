import { randomUUID } from 'node:crypto'
import type { ChangeEvent } from '@millrace/shared'
import type { Bus } from '../bus/bus.ts'
import { readyWork } from '../operations/announce.ts'

const kept = 1_000
/** As many as wait for one reader; who is slower than that has to look again anyway. */
const waitingAtMost = 256

type Numbered = { n: number; change: ChangeEvent }
export type Reader = { next(signal: AbortSignal): Promise<Fed[]> }
export type Fed = { resync: true; id: string } | { change: ChangeEvent; id: string }

/**
 * What the bus announces, for any number of dashboards, with one ear for all of them. The last thousand are kept, so
 * that who reconnects to this process goes on; who was elsewhere, or away for longer, is told to look at everything.
 */
export class ChangeFeed {
  readonly #self = randomUUID().slice(0, 8)
  readonly #recent: Numbered[] = []
  readonly #readers = new Set<{ waiting: Fed[]; wake(): void }>()
  readonly #now: () => Date
  #count = 0

  constructor(bus: Bus, now: () => Date) {
    this.#now = now
    bus.listenToAll((subject, payload) => this.#hear(subject, payload))
  }

  /** `close` must be called. */
  open(lastId: string | undefined): Reader & { close(): void } {
    const since = this.#missed(lastId)
    let waiting: Fed[] = since ?? [this.#resync()]
    let wake = Promise.withResolvers<void>()
    const own = {
      get waiting() {
        return waiting
      },
      set waiting(fed: Fed[]) {
        waiting = fed
      },
      wake: () => wake.resolve(),
    }
    this.#readers.add(own)
    return {
      async next(signal) {
        const over = () => wake.resolve()
        signal.addEventListener('abort', over, { once: true })
        if (waiting.length === 0 && !signal.aborted) await wake.promise
        signal.removeEventListener('abort', over)
        wake = Promise.withResolvers<void>()
        const fed = waiting
        waiting = []
        return fed
      },
      close: () => void this.#readers.delete(own),
    }
  }

  #hear(subject: string, payload: string): void {
    const [, kind, id] = subject.match(/^event\.(task|module|agent)\.(.+)$/) ?? []
    if (kind !== 'task' && kind !== 'module' && kind !== 'agent') return
    if (payload === readyWork) return // that is for agents, and says nothing about the module
    const change = {
      kind,
      id: id ?? '',
      status: payload || null,
      updatedAt: this.#now().toISOString(),
    } as const
    this.#count += 1
    this.#recent.push({ n: this.#count, change })
    if (this.#recent.length > kept) this.#recent.shift()
    for (const reader of this.#readers) {
      reader.waiting =
        reader.waiting.length < waitingAtMost
          ? [...reader.waiting, { change, id: this.#idOf(this.#count) }]
          : [this.#resync()]
      reader.wake()
    }
  }

  /** What came after an id; nothing missed where there is none. `null`: it cannot be said. */
  #missed(lastId: string | undefined): Fed[] | null {
    if (lastId === undefined) return []
    const [self, n] = lastId.split('-')
    const oldest = this.#recent[0]?.n ?? this.#count + 1
    if (self !== this.#self || !(Number(n) >= oldest - 1 && Number(n) <= this.#count)) return null
    return this.#recent
      .filter((one) => one.n > Number(n))
      .map(({ n: own, change }) => ({ change, id: this.#idOf(own) }))
  }

  #resync = (): Fed => ({ resync: true, id: this.#idOf(this.#count) })
  #idOf = (n: number): string => `${this.#self}-${n}`
}
