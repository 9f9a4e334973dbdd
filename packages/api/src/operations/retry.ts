import { isTerminal, type TaskId } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import { Failure, notFound } from '../failure.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { announceTask } from './events/announce.ts'
import { readBy } from './inputs/reads.ts'
import { settle } from './settle/settle.ts'
import { findTask } from './settle/staged.ts'
import { retried } from './task/fresh-round.ts'

/**
 * Gives a task that ended without success a fresh round of attempts. `request` tells a repetition of the same
 * request from a new one.
 */
export async function retry(deps: Deps, id: TaskId, request: string): Promise<TaskDoc> {
  for (;;) {
    const found = await findTask(deps, id)
    if (!found) throw notFound('task')
    const task = await settle(deps, found)
    if (task.retries.includes(request)) return task
    refuseUnlessEnded(task)
    await refuseGoneInputs(deps, task)
    const change = await deps.store.tasks.change(task, (current) =>
      retried(current, request, deps.clock.now()),
    )
    if (!change) continue // it moved on meanwhile: look again
    deps.failpoint('retry.written')
    announceTask(deps, change.after)
    return settle(deps, change.after)
  }
}

function refuseUnlessEnded(task: TaskDoc): void {
  if (!isTerminal(task.status))
    throw new Failure('not_finished', `The task is ${task.status}. Only what has ended can be tried again.`)
  if (task.status === 'succeeded')
    throw new Failure('already_finished', 'The task has succeeded. Create a new one to do the work again.')
}

/** What failed may come again with its own task; what was deleted or never uploaded will not. */
async function refuseGoneInputs(deps: Deps, task: TaskDoc): Promise<void> {
  if (task.onUpstreamFailure === 'run') return
  const ids = readBy(task.inputs)
  const items = new Map((await deps.store.data.many(ids)).map((item) => [item._id, item]))
  const gone = ids.filter((id) => {
    const item = items.get(id)
    return !item || item.status === 'expired' || item.status === 'removing' || isUploadThatFailed(item)
  })
  if (gone.length === 0) return
  throw new Failure(
    'data_not_available',
    `The task reads what is not there any more: ${gone.join(', ')}. Create a new task on other data.`,
    { status: 409 },
  )
}

const isUploadThatFailed = (item: { status: string; producer: object | null }): boolean =>
  item.status === 'failed' && item.producer === null
