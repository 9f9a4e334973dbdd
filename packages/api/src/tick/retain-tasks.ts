import type { Deps } from '../deps.ts'
import { dueBefore, nextLook } from '../operations/retention/overdue.ts'
import { removeTask } from '../operations/retention/remove-task.ts'
import { readSettings } from '../operations/settings.ts'
import { sweep } from './sweep.ts'

const everyMs = 3600 * 1000
const atOnce = 50

/** Tasks that ended longer ago than the settings keep them. Of a chain the last goes first. */
export const retainTasks = sweep('retain-tasks', everyMs, async (deps: Deps, after) => {
  const before = dueBefore((await readSettings(deps)).retentionDays.tasks, deps.clock.now())
  if (!before) return null
  const from = after === '' ? {} : { $gte: new Date(after) }
  const tasks = await deps.store.tasks.find(
    { finishedAt: { ...from, $lte: before } },
    { sort: { finishedAt: 1 }, limit: atOnce },
  )
  let removed = 0
  // Backwards, so that a chain goes at one look: who waits for another ends after it.
  for (const task of tasks.toReversed()) if (await removeTask(deps, task)) removed += 1
  if (removed > 0) deps.logger.info({ removed }, 'tasks went: the settings keep none for longer')
  const ends = tasks.flatMap((task) => task.finishedAt ?? [])
  return nextLook(ends, { full: tasks.length === atOnce, removed })
})
