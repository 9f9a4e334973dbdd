import { mapConcurrently } from '../concurrency/map-concurrently.ts'
import { daysOfLogs, dueBefore, isOverdue, nextLook } from '../operations/retention/overdue.ts'
import { removeLog, removeRun } from '../operations/retention/remove-run.ts'
import { readSettings } from '../operations/settings.ts'
import type { Ports } from '../ports.ts'
import type { Filter } from '../store/collection.ts'
import type { RunDoc } from '../store/documents/run.ts'
import { sweep } from './sweep.ts'

const everyMs = 3600 * 1000
const callsAtOnce = 16
const atOnce = 100

/** Removes runs of ended tasks, with their logs, after the retention time of the settings. */
export const retainRuns = sweep('retain-runs', everyMs, async (ports: Ports, after) => {
  const before = dueBefore((await readSettings(ports)).retentionDays.runs, ports.clock.now())
  return before && removeDue(ports, {}, { after, before }, removeRun)
})

/** Removes logs whose retention time is shorter than that of their runs. */
export const retainLogs = sweep('retain-logs', everyMs, async (ports: Ports, after) => {
  const before = dueBefore(daysOfLogs(await readSettings(ports)), ports.clock.now())
  return before && removeDue(ports, { archive: 'done' }, { after, before }, removeLog)
})

async function removeDue(
  ports: Ports,
  filter: Filter<RunDoc>,
  { after, before }: { after: string; before: Date },
  remove: (ports: Ports, run: RunDoc) => Promise<void>,
): Promise<string | null> {
  const from = after === '' ? {} : { $gte: new Date(after) }
  const runs = await ports.store.runs.find(
    { ...filter, finishedAt: { ...from, $lte: before } },
    { sort: { finishedAt: 1 }, limit: atOnce },
  )
  const tasks = await ports.store.tasks.many([...new Set(runs.map((run) => run.task))])
  const taskOf = new Map(tasks.map((task) => [task._id, task]))
  const overdue = runs.filter((run) => isOverdue(run, taskOf.get(run.task) ?? null, before))
  await mapConcurrently(callsAtOnce, overdue, (run) => remove(ports, run))
  if (overdue.length > 0)
    ports.logger.info({ runs: overdue.length }, 'removed runs or their logs after their retention time')
  const ends = runs.flatMap((run) => run.finishedAt ?? [])
  return nextLook(ends, { full: runs.length === atOnce, removed: overdue.length, towards: 'newer' })
}
