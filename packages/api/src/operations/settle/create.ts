import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { clearMarker, withoutMarker } from './clear-marker.ts'
import { createRecords } from './create-records.ts'

/** Creates what the submit of a task may not have created. */
export async function settleCreate(ports: Ports, task: TaskDoc): Promise<TaskDoc> {
  await createRecords(ports, [task])
  return clearMarker(ports, task, 'create.cleared')
}

/** The same for many tasks, in three round trips. */
export async function settleCreates(ports: Ports, tasks: readonly TaskDoc[]): Promise<void> {
  if (tasks.length === 0) return
  await createRecords(ports, tasks)
  const known = new Map(tasks.map((task) => [task._id, task]))
  await ports.store.tasks.followUp.changeMany(tasks, (current) =>
    withoutMarker(current, known.get(current._id) ?? current),
  )
  ports.failpoint('create.cleared')
}
