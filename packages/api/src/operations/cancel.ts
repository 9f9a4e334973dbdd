import { isTerminal, type TaskId } from '@millrace/shared'
import { Failure, notFound } from '../failure.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { announceTask } from './events/announce.ts'
import type { SettlePorts } from './settle/ports.ts'
import { settle } from './settle/settle.ts'
import { findTask } from './settle/staged.ts'
import { cancelled, cancelRequested } from './task/transitions.ts'

/** Cancels a waiting task at once. The agent of a running one is asked to stop; the task ends when it reports or expires. */
export async function cancel(ports: SettlePorts, id: TaskId): Promise<{ task: TaskDoc; already: boolean }> {
  for (;;) {
    const found = await findTask(ports, id)
    if (!found) throw notFound('task')
    const task = await settle(ports, found)
    if (task.status === 'cancelled') return { task, already: true }
    if (isTerminal(task.status)) throw new Failure('already_finished', `The task has already ${task.status}.`)
    if (task.cancelRequestedAt) return { task, already: false }
    const change = await ports.store.tasks.change(task, (current) => {
      const now = ports.clock.now()
      return cancelled(current, now) ?? cancelRequested(current, now)
    })
    if (!change) continue // another writer changed it, or left a marker: retry
    return { task: await follow(ports, change.after), already: false }
  }
}

async function follow(ports: SettlePorts, task: TaskDoc): Promise<TaskDoc> {
  if (task.status !== 'running') {
    ports.failpoint('cancel.written')
    return settle(ports, task)
  }
  ports.failpoint('cancel.requested')
  if (task.agentId && task.currentRun)
    ports.bus.command(task.agentId, { v: 1, kind: 'cancel', run: task.currentRun })
  announceTask(ports, task)
  return task
}
