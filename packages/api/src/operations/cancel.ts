import { isTerminal, type TaskId } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import { Failure, notFound } from '../failure.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { announceTask } from './events/announce.ts'
import { settle } from './settle/settle.ts'
import { findTask } from './settle/staged.ts'
import { cancelled, cancelRequested } from './task/transitions.ts'

/** Ends a waiting task at once; a running one is asked to stop, and ends when its agent says so or is lost. */
export async function cancel(deps: Deps, id: TaskId): Promise<{ task: TaskDoc; already: boolean }> {
  for (;;) {
    const found = await findTask(deps, id)
    if (!found) throw notFound('task')
    const task = await settle(deps, found)
    if (task.status === 'cancelled') return { task, already: true }
    if (isTerminal(task.status)) throw new Failure('already_finished', `The task has already ${task.status}.`)
    if (task.cancelRequestedAt) return { task, already: false }
    const change = await deps.store.tasks.change(task, (current) => {
      const now = deps.clock.now()
      return cancelled(current, now) ?? cancelRequested(current, now)
    })
    if (!change) continue // it moved on, or was left open by somebody: look again
    return { task: await follow(deps, change.after), already: false }
  }
}

async function follow(deps: Deps, task: TaskDoc): Promise<TaskDoc> {
  if (task.status !== 'running') {
    deps.failpoint('cancel.written')
    return settle(deps, task)
  }
  deps.failpoint('cancel.requested')
  if (task.agentId && task.currentRun)
    deps.bus.command(task.agentId, { v: 1, kind: 'cancel', run: task.currentRun })
  announceTask(deps, task)
  return task
}
