import { contract, parseRunId, type RunQuery, type RunStatus } from '@millrace/shared'
import { notFound } from '../failure.ts'
import { cursorOf } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { runFilter, runOfCursor } from '../http/filters/runs.ts'
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
 * Newest first: by task, then by number, since `.10` comes before `.9` only as a number. The task describes a waiting or
 * running run, whose own document may lag behind: the query matches both states, and the result is filtered afterwards.
 */
async function listRuns(ports: Ports, query: RunQuery) {
  let after = runOfCursor(query.cursor)
  const wanted = query.status ? new Set<RunStatus>(query.status) : null
  const items = []
  for (;;) {
    const docs = await ports.store.runs.find(runFilter(query, after), {
      sort: { task: -1, attempt: -1 },
      limit: query.limit + 1,
    })
    const tasks = new Map(
      (await ports.store.tasks.many([...new Set(docs.map((run) => run.task))])).map((task) => [
        task._id,
        task,
      ]),
    )
    for (const run of docs.slice(0, query.limit)) {
      after = run._id
      const task = tasks.get(run.task) ?? null
      if (!wanted || wanted.has(statusOf(run, task))) items.push(presentRun(run, task))
      if (items.length === query.limit)
        return { items, nextCursor: docs.at(-1) === run ? null : cursorOf(run._id) }
    }
    if (docs.length <= query.limit) return { items, nextCursor: null }
  }
}
