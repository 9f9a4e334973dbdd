import { isTerminal, runIdOf, type TaskId } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import { Failure, notFound } from '../failure.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { announceTask } from './events/announce.ts'
import { settle } from './settle/settle.ts'
import { findTask } from './settle/staged.ts'
import { move } from './task/move.ts'

/** Ends a waiting task at once; a running one is asked to stop, and ends when its agent says so or is lost. */
export async function cancel(deps: Deps, id: TaskId): Promise<{ task: TaskDoc; already: boolean }> {
  for (;;) {
    const found = await findTask(deps, id)
    if (!found) throw notFound('task')
    const task = await settle(deps, found)
    if (task.status === 'cancelled') return { task, already: true }
    if (isTerminal(task.status)) throw new Failure('already_finished', `The task has already ${task.status}.`)
    if (task.cancelRequestedAt) return { task, already: false }
    const change = await deps.store.tasks.change(task, (current) => decideCancel(current, deps.clock.now()))
    if (!change) continue // it moved on, or was left open by somebody: look again
    return { task: await follow(deps, change.after), already: false }
  }
}

export function decideCancel(task: TaskDoc, now: Date): TaskDoc | null {
  if (task.settle || isTerminal(task.status) || task.cancelRequestedAt) return null
  if (task.status === 'running') return { ...task, cancelRequestedAt: now, updatedAt: now }
  const error = { code: 'cancelled' as const, message: 'Cancelled on request.', retryable: false }
  return move(task, 'cancelled', now, {
    error,
    cancelRequestedAt: now,
    waitingFor: [],
    finishedAt: now,
    settle: {
      kind: 'terminal',
      run: null,
      end: null,
      waiting: task.currentRun ?? runIdOf(task._id, task.attempt),
    },
  })
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
