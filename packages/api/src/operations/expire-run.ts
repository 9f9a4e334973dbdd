import type { Deps } from '../deps.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { settle } from './settle/settle.ts'
import { afterExpiry } from './task/after-expiry.ts'

/** The agent of a running task is gone, or does not know of the run: this attempt cannot end any more. */
export async function expireRun(deps: Deps, from: TaskDoc): Promise<void> {
  const change = await deps.store.tasks.change(from, (task) =>
    task.currentRun === from.currentRun && task.sessionId === from.sessionId
      ? afterExpiry(task, deps.clock.now(), deps.random())
      : null,
  )
  if (!change) return
  deps.failpoint('lost.written')
  deps.logger.warn({ task: from._id, run: from.currentRun, status: change.after.status }, 'run lost')
  await settle(deps, change.after)
}
