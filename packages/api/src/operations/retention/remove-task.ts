import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { isHistory } from './overdue.ts'
import { removeRun } from './remove-run.ts'

const runsAtOnce = 100

/**
 * Removes an ended task, its runs first; its outputs have a separate retention time. `false`: it stays for now, because
 * another task, which may be retried, names it in `after`, or because it has more runs than one call removes.
 */
export async function removeTask(ports: Ports, task: TaskDoc): Promise<boolean> {
  if (!isHistory(task) || (await isNamed(ports, task))) return false
  const runs = await ports.store.runs.find({ task: task._id }, { limit: runsAtOnce })
  for (const run of runs) await removeRun(ports, run)
  if (runs.length === runsAtOnce) return false
  // Only the revision that was checked: a caller may retry the task at this moment.
  const isRemoved = await ports.store.tasks.removeUnchanged(task)
  if (isRemoved) ports.failpoint('retention.task-removed')
  return isRemoved
}

async function isNamed(ports: Ports, task: TaskDoc): Promise<boolean> {
  return (await ports.store.tasks.find({ after: task._id }, { limit: 1 })).length > 0
}
