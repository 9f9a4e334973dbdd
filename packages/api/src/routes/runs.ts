import { contract, parseRunId, type RunQuery, type RunStatus } from '@millrace/shared'
import { notFound } from '../failure.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { cursorOfRun, runFilter, runOfCursor, runSort } from '../http/filters/runs.ts'
import { cancel } from '../operations/cancel.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { Ports } from '../ports.ts'
import { presentRun, statusOf } from '../present/run.ts'
import { presentTask } from '../present/task.ts'
import { answerLog } from './run-log.ts'

export const runEndpoints = (ports: SettlePorts): Endpoint[] => [
  endpoint(contract.listRuns, async (c, { query }) => {
    return c.json(await listRuns(ports, query))
  }),
  endpoint(contract.getRun, async (c, { params }) => {
    const id = params.id
    const [run, task] = await Promise.all([
      ports.store.runs.get(id),
      ports.store.tasks.get(parseRunId(id).task),
    ])
    if (!run) throw notFound('run')
    return c.json({ run: presentRun(run, task) })
  }),
  endpoint(contract.cancelRun, async (c, { params }) => {
    const id = params.id
    if (!(await ports.store.runs.get(id))) throw notFound('run')
    const { task, already } = await cancel(ports, parseRunId(id).task)
    return c.json({ task: presentTask(task) }, already ? 200 : 202)
  }),
  endpoint(contract.getRunLog, async (c, { params, query }) => {
    const id = params.id
    const run = await ports.store.runs.get(id)
    if (!run) throw notFound('run')
    return answerLog(ports, c, run, query)
  }),
]

/**
 * A run that waits or runs is described by its task, and its own document may lag behind: this reads both, and selects by
 * status afterwards.
 */
async function listRuns(ports: Ports, query: RunQuery) {
  let after = runOfCursor(query)
  const wanted = query.status ? new Set<RunStatus>(query.status) : null
  const items = []
  for (;;) {
    const docs = await ports.store.runs.find(runFilter(query, after), {
      sort: runSort(query),
      limit: query.limit + 1,
    })
    const tasks = new Map(
      (await ports.store.tasks.many([...new Set(docs.map((run) => run.task))])).map((task) => [
        task._id,
        task,
      ]),
    )
    for (const run of docs.slice(0, query.limit)) {
      after = run
      const task = tasks.get(run.task) ?? null
      if (!wanted || wanted.has(statusOf(run, task))) items.push(presentRun(run, task))
      if (items.length === query.limit)
        return { items, nextCursor: docs.at(-1) === run ? null : cursorOfRun(query, run) }
    }
    if (docs.length <= query.limit) return { items, nextCursor: null }
  }
}
