import { isTerminal, TaskFilter, type TaskId, TaskStatus } from '@millrace/shared'
import { inBackground } from '../../concurrency/in-background.ts'
import { mapConcurrently } from '../../concurrency/map-concurrently.ts'
import { Failure } from '../../failure.ts'
import type { NewIds } from '../../ids.ts'
import type { Ports } from '../../ports.ts'
import type { Filter } from '../../store/collection.ts'
import type { BulkJobDoc } from '../../store/documents/bulk-job.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { cancel } from '../cancel.ts'
import { retry } from '../retry.ts'
import type { SettlePorts } from '../settle/ports.ts'
import { notStaged } from '../settle/staged.ts'
import { deadLetter, matching } from './matching.ts'

type Act = BulkJobDoc['act']
const stepSize = 100
const callsAtOnce = 8
/** The number of tasks that are handled before the answer; the rest follow. */
const stepsBeforeAnswer = 3

/** Applies one action to all matching tasks. It writes the job first, so that any process can continue it. */
export async function startBulkJob(
  ports: SettlePorts,
  ids: NewIds,
  act: Act,
  filter: TaskFilter,
): Promise<number> {
  const id = ids.bulkJob()
  const known = await ports.store.bulkJobs.get(id)
  const job = known ?? (await writeDown(ports, { _id: id, upTo: ids.task(), act }, filter))
  let isDone = false
  for (let step = 0; step < stepsBeforeAnswer && !isDone; step += 1) isDone = await stepBulkJob(ports, id)
  if (!isDone) inBackground(ports, `a bulk ${act}`, carryOnBulkJob(ports, id))
  return job.count
}

async function writeDown(
  ports: Ports,
  begun: Pick<BulkJobDoc, '_id' | 'upTo' | 'act'>,
  filter: TaskFilter,
): Promise<BulkJobDoc> {
  const count = await ports.store.tasks.count(await meant(ports, begun.act, filter))
  const json = JSON.stringify(filter)
  const at = ports.clock.now()
  const job: BulkJobDoc = { ...begun, rev: 1, filter: json, after: null, count, state: 'going', at }
  await ports.store.bulkJobs.insert(job)
  ports.failpoint('bulk.written')
  return job
}

async function carryOnBulkJob(ports: SettlePorts, id: BulkJobDoc['_id']): Promise<void> {
  while (!(await stepBulkJob(ports, id)));
}

/** Handles the next tasks of a job, in the order of their ids. `true`: the job is done. */
export async function stepBulkJob(ports: SettlePorts, id: BulkJobDoc['_id']): Promise<boolean> {
  const job = await ports.store.bulkJobs.get(id)
  if (job?.state !== 'going') return true
  const filter = TaskFilter.parse(JSON.parse(job.filter))
  const inRange = { $lte: job.upTo, ...(job.after ? { $gt: job.after } : {}) }
  const { _id: named, ...wanted } = await meant(ports, job.act, filter)
  const tasks = await ports.store.tasks.find(
    named ? { ...wanted, $and: [{ _id: named }, { _id: inRange }] } : { ...wanted, _id: inRange },
    { sort: { _id: 1 }, limit: stepSize },
  )
  await mapConcurrently(callsAtOnce, tasks, (task) => seeTo(ports, job, task._id))
  const last = tasks.at(-1)?._id ?? job.after
  const isDone = tasks.length < stepSize
  await ports.store.bulkJobs.change(job, (current) =>
    current.state === 'going' && (current.after ?? '') <= (last ?? '')
      ? { ...current, after: last, state: isDone ? 'done' : 'going', at: ports.clock.now() }
      : null,
  )
  ports.failpoint('bulk.stepped')
  return isDone
}

/** A task that changed meanwhile may not match any more. */
async function seeTo(ports: SettlePorts, job: BulkJobDoc, task: TaskId): Promise<void> {
  try {
    await (job.act === 'cancel' ? cancel(ports, task) : retry(ports, task, job._id))
  } catch (error) {
    if (!(error instanceof Failure) || error.code === 'unavailable') throw error
    ports.logger.info({ task, job: job._id, code: error.code }, `bulk ${job.act} skipped a task`)
  }
}

async function meant(ports: Ports, act: Act, filter: TaskFilter): Promise<Filter<TaskDoc>> {
  if (act === 'retry') return { ...matching({ ...filter, status: 'failed' }), ...deadLetter }
  const asked = filter.status === undefined ? TaskStatus.options : [filter.status].flat()
  const status = asked.filter((one) => !isTerminal(one))
  return {
    ...matching({ ...filter, status: undefined }),
    status: { $in: status },
    ...(await notStaged(ports)),
  }
}
