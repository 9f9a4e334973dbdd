import { type DataId, isAwaited, isTerminal, type TaskError, type TaskId } from '@millrace/shared'
import type { DataDoc } from '../../store/documents/data.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** `producers`: the tasks whose failed outputs are among the items. */
export type Upstreams = {
  items: DataDoc[]
  missing: (DataId | TaskId)[]
  tasks: TaskDoc[]
  producers: TaskDoc[]
}

export type Admission =
  | { kind: 'wait'; waitingFor: (DataId | TaskId)[] }
  | { kind: 'queue' }
  | { kind: 'end'; status: 'skipped' | 'failed'; error: TaskError }

/** All available → queue; an upstream has not ended → wait; one ended badly → the task's own policy. */
export function decideAdmission(task: TaskDoc, { items, missing, tasks, producers }: Upstreams): Admission {
  const gone = items.filter((item) => item.status !== 'available' && !isAwaited(item.status))
  const failed = tasks.filter((upstream) => isTerminal(upstream.status) && upstream.status !== 'succeeded')
  const waitingFor = [
    ...items.filter((item) => isAwaited(item.status)).map((item) => item._id),
    // Its marker does not matter: an upstream admits its dependents once, before its marker goes.
    ...tasks.filter((upstream) => !isTerminal(upstream.status)).map((upstream) => upstream._id),
  ]
  const broken = gone.length + missing.length + failed.length > 0
  if (broken && task.onUpstreamFailure !== 'run') {
    const status = task.onUpstreamFailure === 'fail' ? 'failed' : 'skipped'
    return { kind: 'end', status, error: whyNot({ gone, missing, failed, producers }) }
  }
  return waitingFor.length > 0 ? { kind: 'wait', waitingFor } : { kind: 'queue' }
}

const longestMessage = 2_000

type Broken = { gone: DataDoc[]; missing: (DataId | TaskId)[]; failed: TaskDoc[]; producers: TaskDoc[] }

/** Each task along a chain names the task at which it broke, and its error, not only its own upstream. */
function whyNot({ gone, missing, failed, producers }: Broken): TaskError {
  const [item] = gone
  const cause = item?._id ?? missing[0] ?? failed[0]?._id ?? ''
  const upstream = item ? producers.find((task) => task._id === item.producer?.taskId) : failed[0]
  const root = upstream && rootOf(upstream)
  const message = root?.message ?? (item ? `${cause} is ${item.status}` : `${cause} no longer exists`)
  const why = root?.message || !item?.error ? message : `${message}: ${item.error.message}`
  return {
    code: 'upstream_failed',
    message: why.slice(0, longestMessage),
    retryable: false,
    detail: upstream && root ? { cause, taskId: upstream._id, rootTaskId: root.taskId } : { cause },
  }
}

/** `message` is empty where the task itself succeeded without this output. */
function rootOf({ _id, status, error }: TaskDoc): { taskId: string; message: string } {
  const passedOn = error?.code === 'upstream_failed' ? error.detail?.rootTaskId : undefined
  if (typeof passedOn === 'string') return { taskId: passedOn, message: error?.message ?? '' }
  if (status === 'cancelled') return { taskId: _id, message: `${_id} was cancelled` }
  if (status !== 'failed') return { taskId: _id, message: error?.message ?? '' }
  return { taskId: _id, message: `${_id} failed: ${error?.message ?? 'no reason was given'}` }
}
