import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** The last write of a settle: removes the marker, unless the task has moved on. */
export async function clearMarker(
  ports: Ports,
  task: TaskDoc,
  point: 'settle.cleared' | 'requeue.cleared' | 'resume.cleared' | 'create.cleared',
): Promise<TaskDoc> {
  const change = await ports.store.tasks.followUp.change(task, (current) => withoutMarker(current, task))
  if (change) ports.failpoint(point)
  return change?.after ?? { ...task, settle: null }
}

/** `null`: the task has another marker than the one that was `settled`. */
export const withoutMarker = (current: TaskDoc, settled: TaskDoc): TaskDoc | null =>
  current.settle?.kind === settled.settle?.kind &&
  current.attempt === settled.attempt &&
  current.round === settled.round
    ? { ...current, settle: null }
    : null
