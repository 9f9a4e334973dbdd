import { DataId, isAwaited, isTerminal, type TaskId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** A task that waits for at most this number reads all of them each time, and writes the list again. */
const few = 32
const firstProbe = 4

/**
 * Whether a task that waits for many must keep waiting after these have ended. One unfinished upstream is enough: the
 * task is checked again when that ends. The last upstreams are read first, so that a thousand of them cost one or two
 * reads each, not a thousand. Where one of these did not succeed, the task must be admitted.
 */
export async function waitsOn(
  ports: Ports,
  task: TaskDoc,
  ended: readonly (DataId | TaskId)[],
): Promise<boolean> {
  if (task.waitingFor.length <= few || task.settle !== null) return false
  const own = ended.filter((id) => task.waitingFor.includes(id))
  if ((await stateOf(ports, own)).includes('broken')) return false
  const others = task.waitingFor.filter((id) => !ended.includes(id)).reverse()
  for (let from = 0, size = firstProbe; from < others.length; from += size, size *= 4) {
    const states = await stateOf(ports, others.slice(from, from + size))
    if (states.includes('unfinished')) return true
  }
  return false
}

/** What a task waits for that has not ended: the list in its document may be longer. */
export async function stillAwaited(ports: Ports, task: TaskDoc): Promise<TaskDoc['waitingFor']> {
  if (task.waitingFor.length <= few) return task.waitingFor
  const states = await stateOf(ports, task.waitingFor)
  return task.waitingFor.filter((_, at) => states[at] === 'unfinished')
}

type State = 'unfinished' | 'well' | 'broken'

async function stateOf(ports: Ports, ids: readonly (DataId | TaskId)[]): Promise<State[]> {
  const [items, tasks] = await Promise.all([
    ports.store.data.many(ids.filter((id) => DataId.safeParse(id).success)),
    ports.store.tasks.many(ids.filter((id) => !DataId.safeParse(id).success)),
  ])
  const states = new Map<string, State>()
  for (const { _id, status } of items)
    states.set(_id, isAwaited(status) ? 'unfinished' : status === 'available' ? 'well' : 'broken')
  for (const { _id, status } of tasks)
    states.set(_id, !isTerminal(status) ? 'unfinished' : status === 'succeeded' ? 'well' : 'broken')
  return ids.map((id) => states.get(id) ?? 'broken')
}
