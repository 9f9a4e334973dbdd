import { type ApiPorts, storeOver } from '@millrace/api/life'
import { isTerminal } from '@millrace/shared'
import type { Db } from 'mongodb'
import type { World } from './world.ts'

/** What must hold when everything has come to rest; read from the database itself. */
export async function faultAtRest(world: World, db: Db): Promise<string | null> {
  const store = storeOver(db)
  const tasks = await store.tasks.find({}, { limit: 10_000 })
  for (const id of world.acknowledged)
    if (!tasks.some((task) => task._id === id)) return `no accepted work is lost: ${id} is gone`
  for (const task of tasks) {
    const known = world.mirror.tasks.get(task._id)
    if (known?.rev !== task.rev)
      return `the mirror is true: ${task._id} has revision ${task.rev}, not ${known?.rev}`
    const fault =
      faultOfTask(task) ??
      faultOfSkip(world, task) ??
      (await faultOfOutputs(store, task)) ??
      (await faultOfRuns(world, store, task))
    if (fault) return fault
  }
  for (const [batch, members] of world.batches) {
    const there = members.filter((id) => tasks.some((task) => task._id === id)).length
    if (there !== 0 && there !== members.length)
      return `batches are all or none: ${there} of ${members.length} tasks of ${batch} exist`
  }
  const [job] = await store.bulkJobs.find({ state: 'going' }, { limit: 1 })
  if (job) return `no task stuck: ${job._id}, a bulk ${job.act}, is not through`
  for (const { _id, holders } of await store.slots.find({}, { limit: 100 }))
    if (holders.length > 0) return `counts right: ${holders[0]?.run} still holds a place in ${_id}`
  return null
}

type Task = Awaited<ReturnType<ApiPorts['store']['tasks']['find']>>[number]
type Store = Omit<ApiPorts['store'], 'close'>

function faultOfTask(task: Task): string | null {
  if (!isTerminal(task.status))
    return `no task stuck: ${task._id} is still ${task.status}, attempt ${task.attempt}, with ${JSON.stringify(task.settle)}`
  if (task.settle) return `no task stuck: ${task._id} still has the marker ${task.settle.kind}`
  const ends = task.history.filter(({ status }) => isTerminal(status)).length
  if (ends !== task.round)
    return `one terminal state: ${task._id} ended ${ends} times in ${task.round} rounds`
  return null
}

/** A retried task revives the tasks that were skipped because of it: a task that is still skipped lacks something else. */
function faultOfSkip({ mirror }: World, task: Task): string | null {
  if (task.status !== 'skipped') return null
  const wants =
    task.reads.some((id) => mirror.data.get(id)?.status !== 'available') ||
    task.after.some((id) => mirror.tasks.get(id)?.status !== 'succeeded')
  return wants ? null : `no task skipped for nothing: ${task._id} has all that it needs, and stays skipped`
}

/** A task that succeeded has what its last run said, and nothing of any other. */
async function faultOfOutputs(store: Store, task: Task): Promise<string | null> {
  const id = task.outputs.said?.data ?? ''
  const item = await store.data.get(id)
  if (!item) return `outputs of one run only: ${task._id} has no output ${id}`
  if (item.round !== task.round)
    return `outputs of one run only: ${id} is of round ${item.round}, not ${task.round}`
  if (task.status !== 'succeeded')
    return item.status === 'failed'
      ? null
      : `outputs follow their task: ${id} is ${item.status}, its task ${task.status}`
  if (item.status !== 'available')
    return `outputs follow their task: ${id} is ${item.status}, its task succeeded`
  if (item.json !== JSON.stringify(task.currentRun))
    return `outputs of one run only: ${id} holds ${item.json}, the run that counts is ${task.currentRun}`
  return null
}

async function faultOfRuns(world: World, store: Store, task: Task): Promise<string | null> {
  const runs = await store.runs.find({ task: task._id }, { limit: 1_000 })
  const untrue = runs.find(({ _id, status }) => !world.rules.everRan.has(_id) && status !== 'cancelled')
  if (untrue) return `runs are true: ${untrue._id} never ran, and is ${untrue.status}`
  const unknown = [...world.rules.everRan].find(
    (run) => run.startsWith(`${task._id}.`) && !runs.some(({ _id }) => _id === run),
  )
  if (unknown) return `runs are true: nothing is known of ${unknown}, which ran`
  const open = runs.find(({ status }) => status === 'queued' || status === 'running')
  if (open) return `counts right: run ${open._id} is still ${open.status}`
  const successes = runs.filter(({ status }) => status === 'succeeded').map(({ _id }) => _id)
  const wanted = task.status === 'succeeded' ? [task.currentRun] : []
  if (JSON.stringify(successes) !== JSON.stringify(wanted))
    return `counts right: runs ${successes} succeeded, of a task that ${task.status} with ${task.currentRun}`
  return null
}
