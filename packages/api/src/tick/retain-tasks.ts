import { dueBefore, nextLook } from '../operations/retention/overdue.ts'
import { removeTask } from '../operations/retention/remove-task.ts'
import { readSettings } from '../operations/settings.ts'
import type { Ports } from '../ports.ts'
import { sweep } from './sweep.ts'

const everyMs = 3600 * 1000
const atOnce = 50

/**
 * Removes tasks after the retention time of the settings, the newest first: the last task of a chain ended last, and the
 * tasks before it can be removed only after it.
 */
export const retainTasks = sweep('retain-tasks', everyMs, async (ports: Ports, after) => {
  const before = dueBefore((await readSettings(ports)).retentionDays.tasks, ports.clock.now())
  if (!before) return null
  const tasks = await ports.store.tasks.find(
    { finishedAt: { $lte: after === '' ? before : new Date(after) } },
    { sort: { finishedAt: -1 }, limit: atOnce },
  )
  let removed = 0
  for (const task of tasks) if (await removeTask(ports, task)) removed += 1
  if (removed > 0) ports.logger.info({ removed }, 'removed tasks after their retention time')
  const ends = tasks.flatMap((task) => task.finishedAt ?? [])
  return nextLook(ends, { full: tasks.length === atOnce, removed, towards: 'older' })
})
