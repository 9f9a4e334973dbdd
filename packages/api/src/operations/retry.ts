import { isTerminal, type TaskId } from '@millrace/shared'
import { Failure, notFound } from '../failure.ts'
import type { Ports } from '../ports.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { announceTask } from './events/announce.ts'
import { readBy } from './inputs/reads.ts'
import type { SettlePorts } from './settle/ports.ts'
import { settle } from './settle/settle.ts'
import { findTask } from './settle/staged.ts'
import { retried } from './task/fresh-round.ts'

/**
 * Gives a task that ended without success a fresh round of attempts. `request` distinguishes a repeated request from a
 * new one.
 */
export async function retry(ports: SettlePorts, id: TaskId, request: string): Promise<TaskDoc> {
  for (;;) {
    const found = await findTask(ports, id)
    if (!found) throw notFound('task')
    const task = await settle(ports, found)
    if (task.retries.includes(request)) return task
    refuseUnlessEnded(task)
    await refuseGoneInputs(ports, task)
    const change = await ports.store.tasks.change(task, (current) =>
      retried(current, request, ports.clock.now()),
    )
    if (!change) continue // it changed meanwhile: retry
    ports.failpoint('retry.written')
    announceTask(ports, change.after)
    return settle(ports, change.after)
  }
}

function refuseUnlessEnded(task: TaskDoc): void {
  if (!isTerminal(task.status))
    throw new Failure('not_finished', `The task is ${task.status}. Only an ended task can be retried.`)
  if (task.status === 'succeeded')
    throw new Failure('already_finished', 'The task has succeeded. Create a new one to do the work again.')
}

/** A retry of its task may produce a failed output again; a deleted or never uploaded item does not come back. */
async function refuseGoneInputs(ports: Ports, task: TaskDoc): Promise<void> {
  if (task.onUpstreamFailure === 'run') return
  const ids = readBy(task.inputs)
  const items = new Map((await ports.store.data.many(ids)).map((item) => [item._id, item]))
  const gone = ids.filter((id) => {
    const item = items.get(id)
    return !item || item.status === 'expired' || item.status === 'removing' || isUploadThatFailed(item)
  })
  if (gone.length === 0) return
  throw new Failure(
    'data_not_available',
    `The task reads data that no longer exists: ${gone.join(', ')}. Create a new task on other data.`,
    { status: 409 },
  )
}

const isUploadThatFailed = (item: { status: string; producer: object | null }): boolean =>
  item.status === 'failed' && item.producer === null
