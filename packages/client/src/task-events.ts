import { ApiError } from './api-error.ts'
import type { ChangeEvent, LogEvent, ProgressEvent, StateEvent, Task } from './contract.gen.ts'
import { readEvents, type ServerEvent } from './events.ts'
import { pause, persistently, Refused } from './persistently.ts'

/** `id` names the place: who gives it as `lastEventId` later goes on from there. */
export type TaskEvent = { id: string } & (
  | { event: 'state'; state: StateEvent }
  | { event: 'progress'; progress: ProgressEvent }
  | { event: 'log'; log: LogEvent }
  | { event: 'end'; task: Task }
)
/** `resync`: changes may have been missed; what is shown is to be read again. */
export type Change = { id: string } & ({ event: 'change'; change: ChangeEvent } | { event: 'resync' })

export type Following = { lastEventId?: string; signal?: AbortSignal }
/** A program in between that closes each connection at once is not asked again at once. */
const emptyPauseMs = 1_000
type Open = (from: Following) => Promise<Response>

/**
 * All that happens to a task over all of its attempts, until it has ended. A connection that breaks is opened again,
 * and nothing is missed or comes twice; throws when that fails for two minutes, or is refused.
 */
export async function* taskEvents(open: Open, following: Following): AsyncGenerator<TaskEvent> {
  for await (const told of untilEnd(open, following)) {
    const event = taskEventOf(told)
    if (event) yield event
    if (event?.event === 'end') return
  }
}

/** Changes of tasks, modules and agents, for as long as they are read. */
export async function* changes(open: Open, following: Following): AsyncGenerator<Change> {
  for await (const { event, id = '', data } of untilEnd(open, following)) {
    if (event === 'resync') yield { id, event }
    else if (data !== '') yield { id, event: 'change', change: JSON.parse(data) }
  }
}

async function* untilEnd(open: Open, following: Following): AsyncGenerator<ServerEvent> {
  const { signal } = following
  let { lastEventId } = following
  while (!signal?.aborted) {
    const { body, status } = await persistently({ signal }, () => opened(() => open({ lastEventId, signal })))
    if (status === 204 || !body) return
    let isEmpty = true
    try {
      for await (const event of readEvents(body)) {
        isEmpty = false
        lastEventId = event.id ?? lastEventId
        yield event
      }
    } catch (error) {
      if (!isBroken(error) || signal?.aborted) throw error
    }
    if (isEmpty) await pause(emptyPauseMs, signal)
  }
}

/** What the API refuses it would refuse again; a server that is away comes back. */
async function opened(open: () => Promise<Response>): Promise<Response> {
  try {
    return await open()
  } catch (error) {
    if (error instanceof ApiError && error.status < 500) throw new Refused(error)
    throw error
  }
}

/** How `fetch` says that a connection broke off; a fault in what was read is none. */
const isBroken = (error: unknown): boolean => error instanceof TypeError

function taskEventOf({ event, id = '', data }: ServerEvent): TaskEvent | null {
  switch (event) {
    case 'state':
      return { id, event, state: JSON.parse(data) }
    case 'progress':
      return { id, event, progress: JSON.parse(data) }
    case 'log':
      return { id, event, log: JSON.parse(data) }
    case 'end':
      return { id, event, task: JSON.parse(data).task }
    default:
      return null
  }
}
