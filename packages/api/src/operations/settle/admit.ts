import {
  type DataId,
  isAwaited,
  isTerminal,
  type RunId,
  runIdOf,
  type TaskError,
  type TaskId,
} from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { announceTask, publishToken } from '../events/announce.ts'
import { readBy } from '../inputs/reads.ts'
import { move } from '../task/move.ts'
import { newOutput } from '../task/new-output.ts'
import { newEntry, newRun } from '../task/new-run.ts'
import { isToCome, removeUnclaimed } from './run-end.ts'

/**
 * Makes a blocked task ready, or lets it wait, or ends it because something it needs will never come (then with
 * an open marker, to be settled).
 * Called after the submit, and again whenever something it waited for ended; any number of times, by anybody.
 */
export async function admit(deps: Deps, from: TaskDoc): Promise<TaskDoc> {
  let task = from
  for (;;) {
    if (!admissible(task)) return task
    const decision = decideAdmit(task, await lookAtUpstreams(deps, task))
    if (decision.kind === 'wait' && sameWait(task, decision.waitingFor)) return task
    const admitted = await carryOut(deps, task, decision)
    if (!admitted) {
      // Somebody else changed it meanwhile; look at what it is now.
      const now = await deps.store.tasks.get(task._id)
      if (!now) return task
      task = now
      continue
    }
    task = admitted
    if (decision.kind !== 'wait' || task.settle === null) return task
    // Once more: what it waits for may have ended between the look and the write.
  }
}

const admissible = (task: TaskDoc): boolean =>
  task.status === 'blocked' && (task.settle === null || isToBeAdmitted(task))

/** A member of a batch comes here only once that is open. */
const isToBeAdmitted = (task: TaskDoc): boolean =>
  task.settle?.kind === 'admit' || task.settle?.kind === 'batch'

const sameWait = (task: TaskDoc, waitingFor: readonly string[]): boolean =>
  task.settle === null &&
  task.waitingFor.length === waitingFor.length &&
  waitingFor.every((id, at) => task.waitingFor[at] === id)

/** `producers`: the tasks that were to make what did not come. */
export type Upstreams = {
  items: DataDoc[]
  missing: (DataId | TaskId)[]
  tasks: TaskDoc[]
  producers: TaskDoc[]
}
const longestMessage = 2_000

export type Admission =
  | { kind: 'wait'; waitingFor: (DataId | TaskId)[] }
  | { kind: 'queue' }
  | { kind: 'end'; status: 'skipped' | 'failed'; error: TaskError }

/** All there → ready; something unfinished → wait; something that ended otherwise → the task's own policy. */
export function decideAdmit(task: TaskDoc, { items, missing, tasks, producers }: Upstreams): Admission {
  const gone = items.filter((item) => item.status !== 'available' && !isAwaited(item.status))
  const failed = tasks.filter((upstream) => isTerminal(upstream.status) && upstream.status !== 'succeeded')
  const waitingFor = [
    ...items.filter((item) => isAwaited(item.status)).map((item) => item._id),
    // Ended is ended: an upstream admits its dependents before its own marker goes, and never again.
    ...tasks.filter((upstream) => !isTerminal(upstream.status)).map((upstream) => upstream._id),
  ]
  const broken = gone.length + missing.length + failed.length > 0
  if (broken && task.onUpstreamFailure !== 'run') {
    const status = task.onUpstreamFailure === 'fail' ? 'failed' : 'skipped'
    return { kind: 'end', status, error: whyNot({ gone, missing, failed, producers }) }
  }
  return waitingFor.length > 0 ? { kind: 'wait', waitingFor } : { kind: 'queue' }
}

type Broken = { gone: DataDoc[]; missing: (DataId | TaskId)[]; failed: TaskDoc[]; producers: TaskDoc[] }

/** Along a chain everybody names the task at which it broke and what that said, not only his own neighbour. */
function whyNot({ gone, missing, failed, producers }: Broken): TaskError {
  const [item] = gone
  const cause = item?._id ?? missing[0] ?? failed[0]?._id ?? ''
  const upstream = item ? producers.find((task) => task._id === item.producer?.taskId) : failed[0]
  const root = upstream && rootOf(upstream)
  const message = root?.message ?? (item ? `${cause} is ${item.status}` : `${cause} is not there any more`)
  const why = root?.message || !item?.error ? message : `${message}: ${item.error.message}`
  return {
    code: 'upstream_failed',
    message: why.slice(0, longestMessage),
    retryable: false,
    detail: upstream && root ? { cause, taskId: upstream._id, rootTaskId: root.taskId } : { cause },
  }
}

/** `message` is empty where the task itself went well, and only this output of it did not come. */
function rootOf({ _id, status, error }: TaskDoc): { taskId: string; message: string } {
  const passedOn = error?.code === 'upstream_failed' ? error.detail?.rootTaskId : undefined
  if (typeof passedOn === 'string') return { taskId: passedOn, message: error?.message ?? '' }
  if (status === 'cancelled') return { taskId: _id, message: `${_id} was cancelled` }
  if (status !== 'failed') return { taskId: _id, message: error?.message ?? '' }
  return { taskId: _id, message: `${_id} failed: ${error?.message ?? 'no reason was given'}` }
}

export async function lookAtUpstreams(deps: Deps, task: TaskDoc): Promise<Upstreams> {
  const ids = readBy(task.inputs)
  const [items, tasks] = await Promise.all([deps.store.data.many(ids), deps.store.tasks.many(task.after)])
  const found = new Set(items.map((item) => item._id))
  const known = new Set(tasks.map((upstream) => upstream._id))
  // A task is removed only when no other names it, but for one that was submitted at that very moment.
  const missing = [...ids.filter((id) => !found.has(id)), ...task.after.filter((id) => !known.has(id))]
  const failed = items.filter((item) => item.status === 'failed' && item.producer)
  const producers = await deps.store.tasks.many(
    failed.flatMap((item) => item.producer?.taskId ?? []).slice(0, 1),
  )
  return { items, missing, tasks, producers }
}

/** `null`: somebody else was faster. */
async function carryOut(deps: Deps, task: TaskDoc, decision: Admission): Promise<TaskDoc | null> {
  const now = deps.clock.now()
  switch (decision.kind) {
    case 'wait': {
      const known = new Set<string>(task.waitingFor)
      const isNew = decision.waitingFor.some((id) => !known.has(id))
      if (isNew) await createOutputs(deps, task)
      const change = await writeOnce(deps, task, {
        ...task,
        waitingFor: decision.waitingFor,
        // What ends from here on finds it waiting. What ended before is seen by one more look: whoever dies first
        // leaves that to others.
        settle: isNew ? { kind: 'admit' } : null,
        updatedAt: now,
      })
      if (!change) return null
      deps.failpoint('admit.waiting')
      announceTask(deps, change)
      return change
    }
    case 'end': {
      await createOutputs(deps, task)
      const ended = move(task, decision.status, now, {
        error: decision.error,
        waitingFor: [],
        finishedAt: now,
        settle: { kind: 'terminal', run: null, end: null, waiting: null },
      })
      const change = await writeOnce(deps, task, ended)
      if (!change) return null
      deps.failpoint('admit.ended')
      return change
    }
    case 'queue': {
      const run = runIdOf(task._id, task.attempt)
      const place = deps.shares.next(task.apiKey, task.priority)
      const until = task.notBefore && task.notBefore > now ? task.notBefore : null
      await Promise.all([
        createOutputs(deps, task),
        deps.store.runs.insert(newRun(task, run, now)).then(() => deps.failpoint('admit.run-created')),
        deps.store.queue
          .insert(newEntry({ ...task, place }, run, now, until))
          .then(() => deps.failpoint('admit.entry-created')),
      ])
      const queued = move(task, 'queued', now, {
        waitingFor: [],
        settle: null,
        currentRun: run,
        place,
        queuedAt: now,
      })
      const writing = writeOnce(deps, task, queued)
      // An agent that is faster than this write makes it itself.
      if (!until) publishToken(deps, task.module)
      const change = await writing
      if (!change) return takeBack(deps, task, run)
      deps.failpoint('admit.queued')
      announceTask(deps, change)
      return change
    }
  }
}

/** Somebody was faster. Where that ended this attempt, nothing is left of it to be claimed. */
async function takeBack(deps: Deps, task: TaskDoc, run: RunId): Promise<null> {
  const now = await deps.store.tasks.get(task._id)
  if (!now || !isToCome(now, run)) await removeUnclaimed(deps, now, run)
  return null
}

/** One compare-and-set; the decision rests on what was read, so a miss is not repeated here. */
async function writeOnce(deps: Deps, task: TaskDoc, next: TaskDoc): Promise<TaskDoc | null> {
  const change = await deps.store.tasks.change(task, (current) => (current.rev === task.rev ? next : null))
  return change?.after ?? null
}

/** Output items exist from the start, so that they can be named as inputs of other tasks. */
async function createOutputs(deps: Deps, task: TaskDoc): Promise<void> {
  if (task.settle?.kind !== 'admit') return
  await deps.store.data.insertMissing(Object.keys(task.outputs).flatMap((key) => newOutput(task, key)))
  deps.failpoint('admit.outputs-created')
}
