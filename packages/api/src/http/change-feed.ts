import { randomBytes } from 'node:crypto'
import type { Bus } from '../bus/bus.ts'
import { announced } from '../operations/events/announce.ts'
import { type Events, eventText, idText } from './event-stream.ts'

/** How many changes a process keeps for readers that reconnect, and how many wait for a slow reader. */
const remembered = 1_000
const waitingAtMost = 256
const lookAgainMs = 15_000

export type ChangeFeed = {
  /**
   * Changes from now on, or those after an id. `resync` means that some may be missing; the client reads everything
   * again. It comes first for an id that is too old or of another process, later for a reader that is too slow, and
   * after every loss of NATS, which carries the changes of other processes.
   */
  follow(lastEventId: string | undefined, signal: AbortSignal): Events
}

type Reader = { waiting: string[]; hasMissed: boolean; wake: () => void }

/** One subscription for all readers of this process; it ends with the bus. */
export function openChangeFeed(bus: Bus): ChangeFeed {
  const process = randomBytes(6).toString('hex')
  const readers = new Set<Reader>()
  let past: string[] = []
  let last = 0
  const idOf = (n: number) => `${process}-${n}`

  function add(payload: string): void {
    const change = announced(payload)
    if (!change) return
    last += 1
    const text = eventText({ id: idOf(last), data: change })
    past.push(text)
    // In blocks: shifting the array at each change would be quadratic.
    if (past.length >= 2 * remembered) past = past.slice(-remembered)
    for (const reader of readers) {
      if (reader.waiting.length < waitingAtMost) reader.waiting.push(text)
      else miss(reader)
      reader.wake()
    }
  }

  /** This process missed changes, so readers cannot resume from earlier ids. */
  function missed(): void {
    last += 1
    past = []
    for (const reader of readers) {
      miss(reader)
      reader.wake()
    }
  }

  function miss(reader: Reader): void {
    reader.waiting = []
    reader.hasMissed = true
  }

  /** `null`: this process does not have all of them. */
  function after(id: string): string[] | null {
    const [, from, number] = id.match(/^([0-9a-f]{12})-(\d{1,15})$/) ?? []
    const count = last - Number(number)
    const isKnown = from === process && count >= 0 && count <= Math.min(past.length, remembered)
    return isKnown ? past.slice(past.length - count) : null
  }

  const resync = () => eventText({ event: 'resync', id: idOf(last), data: {} })
  bus.listenToAll(add, missed)

  return {
    async *follow(lastEventId, signal) {
      const reader: Reader = { waiting: [], hasMissed: false, wake: () => undefined }
      readers.add(reader)
      try {
        const earlier = lastEventId === undefined ? [idText(idOf(last))] : after(lastEventId)
        yield earlier === null ? resync() : earlier.join('')
        while (!signal.aborted) {
          if (reader.hasMissed) {
            reader.hasMissed = false
            yield resync()
          } else if (reader.waiting.length > 0) {
            const texts = reader.waiting
            reader.waiting = []
            yield texts.join('')
          } else {
            await changeOf(reader, signal)
            if (reader.waiting.length === 0 && !bus.isConnected()) reader.hasMissed = true
          }
        }
      } finally {
        readers.delete(reader)
      }
    },
  }
}

/** Waits until a change wakes the reader. The timer covers a lost NATS, without which other processes cannot wake it. */
async function changeOf(reader: Reader, signal: AbortSignal): Promise<void> {
  const woken = Promise.withResolvers<void>()
  const wake = () => woken.resolve()
  reader.wake = wake
  signal.addEventListener('abort', wake, { once: true })
  const timer = setTimeout(wake, lookAgainMs)
  await woken.promise
  clearTimeout(timer)
  signal.removeEventListener('abort', wake)
}
