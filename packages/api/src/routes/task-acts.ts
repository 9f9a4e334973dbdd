import { contract, type TaskId } from '@millrace/shared'
import { Failure } from '../failure.ts'
import { behind, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { startBulkJob } from '../operations/bulk/bulk-job.ts'
import { deadLetter, matching } from '../operations/bulk/matching.ts'
import { cancel } from '../operations/cancel.ts'
import { retry } from '../operations/retry.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { Ports } from '../ports.ts'
import { presentTask } from '../present/task.ts'

/** The calls that cancel and retry existing tasks. */
export const taskActEndpoints = (ports: SettlePorts): Endpoint[] => [
  endpoint(contract.cancelTask, async (c, { params }) => {
    const { task, already } = await cancel(ports, params.id)
    return c.json({ task: presentTask(task) }, already ? 200 : 202)
  }),
  endpoint(contract.retryTask, async (c, { params }) => {
    // The id derives from the request, so that a repetition creates the same one.
    const task = await retry(ports, params.id, c.var.ids.task())
    return c.json({ task: presentTask(task) }, 202)
  }),
  endpoint(
    contract.cancelTasks,
    async (c, { body }) => {
      return c.json({ count: await startBulkJob(ports, c.var.ids, 'cancel', body.filter) }, 202)
    },
    { auditDetail: ({ filter }) => ({ filter }) },
  ),
  endpoint(contract.listDeadLetters, async (c, { query }) => {
    const docs = await ports.store.tasks.find(
      {
        ...matching({ module: query.module, tag: query.tag }),
        ...behind(query.cursor, 'tsk_'),
        ...deadLetter,
      },
      { sort: { _id: -1 }, limit: query.limit + 1 },
    )
    return c.json(pageFrom(docs, query.limit, (task) => presentTask(task, { list: true })))
  }),
  endpoint(
    contract.replayDeadLetters,
    async (c, { body: { ids, module } }) => {
      if (ids && !c.var.repeated) await refuseUnknown(ports, ids)
      return c.json({ count: await startBulkJob(ports, c.var.ids, 'retry', { ids, module }) }, 202)
    },
    { auditDetail: (wanted) => wanted },
  ),
]

async function refuseUnknown(ports: Ports, ids: readonly TaskId[]): Promise<void> {
  const there = new Set((await ports.store.tasks.many([...new Set(ids)])).map((task) => task._id))
  const errors = ids.flatMap((id, at) =>
    there.has(id) ? [] : [{ path: `/ids/${at}`, message: 'no such task' }],
  )
  if (errors.length > 0)
    throw new Failure('invalid_request', `${errors.length} of the tasks do not exist.`, { errors })
}
