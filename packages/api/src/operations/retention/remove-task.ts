import type { Deps } from '../../deps.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { isHistory } from './overdue.ts'
import { removeRun } from './remove-run.ts'

const runsAtOnce = 100

/**
 * Removes a task that has ended, its runs before it; its outputs stay, by days of their own. `false`: it stays for
 * now, because another task names it in `after`, which may be tried again, or because it has more runs than go at
 * once.
 */
export async function removeTask(deps: Deps, task: TaskDoc): Promise<boolean> {
  if (!isHistory(task) || (await isNamed(deps, task))) return false
  const runs = await deps.store.runs.find({ task: task._id }, { limit: runsAtOnce })
  for (const run of runs) await removeRun(deps, run)
  if (runs.length === runsAtOnce) return false
  // Only as it was judged: somebody may try it again at this very moment.
  const isRemoved = await deps.store.tasks.removeUnchanged(task)
  if (isRemoved) deps.failpoint('retention.task-removed')
  return isRemoved
}

async function isNamed(deps: Deps, task: TaskDoc): Promise<boolean> {
  return (await deps.store.tasks.find({ after: task._id }, { limit: 1 })).length > 0
}
