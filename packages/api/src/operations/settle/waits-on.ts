import { DataId, isAwaited, isTerminal, type TaskId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** Up to so many, what a task waits for is looked at as a whole, and written down anew each time. */
const few = 32
const firstProbe = 4

/**
 * Whether a task that waits for many has to go on waiting, after these have ended. One thing that has not ended
 * settles it: the task looks again when that ends. So the last to come is looked at first, and a thousand
 * upstreams cost a look or two each, not a thousand. Where one of these ended badly, the task itself must look.
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

/** Of what a task waits for, that which has not ended: the list in its document may be longer. */
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
