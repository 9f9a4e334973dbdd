import type { RunId } from '@millrace/shared'
import { cancelWaitingRun } from '../operations/settle/cancel-waiting-run.ts'
import { mayBeClaimed } from '../operations/task/transitions.ts'
import type { Ports } from '../ports.ts'
import { sweep } from './sweep.ts'

const everyMs = 10 * 60_000
const atOnce = 100

/**
 * Cancels waiting runs that no task will start: their admission lost to a cancel, and its process died before it could
 * undo its write.
 */
export const tidyRuns = sweep('tidy-runs', everyMs, async (ports: Ports, after) => {
  const runs = await ports.store.runs.find(
    { status: 'queued', ...(after ? { _id: { $gt: after as RunId } } : {}) },
    { sort: { _id: 1 }, limit: atOnce },
  )
  const tasks = new Map(
    (await ports.store.tasks.many(runs.map((run) => run.task))).map((task) => [task._id, task]),
  )
  for (const run of runs) {
    const task = tasks.get(run.task)
    if (task && (mayBeClaimed(task, run._id) || task.currentRun === run._id)) continue
    await cancelWaitingRun(ports, run._id, ports.clock.now())
  }
  return runs.length === atOnce ? (runs.at(-1)?._id ?? null) : null
})
