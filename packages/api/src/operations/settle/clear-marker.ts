import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** The last write of a settle: removes the marker, unless the task has moved on. */
export async function clearMarker(
  ports: Ports,
  task: TaskDoc,
  point: 'settle.cleared' | 'requeue.cleared' | 'resume.cleared',
): Promise<TaskDoc> {
  const change = await ports.store.tasks.followUp.change(task, (current) =>
    current.settle?.kind === task.settle?.kind &&
    current.attempt === task.attempt &&
    current.round === task.round
      ? { ...current, settle: null }
      : null,
  )
  if (change) ports.failpoint(point)
  return change?.after ?? { ...task, settle: null }
}
