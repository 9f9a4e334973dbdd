import { mapConcurrently } from '../concurrency/map-concurrently.ts'
import type { Deps } from '../deps.ts'
import { fire } from '../operations/schedules/fire.ts'

/** So many at each tick: what is more than that is a second late, and keeps no other job waiting. */
const atOnce = 200
const callsAtOnce = 8

/** What is due by time becomes a task, the longest overdue first. */
export async function fireSchedules(deps: Deps): Promise<void> {
  const due = await deps.store.schedules.find(
    { enabled: true, nextFireAt: { $lte: deps.clock.now() } },
    { sort: { nextFireAt: 1 }, limit: atOnce },
  )
  await mapConcurrently(callsAtOnce, due, async (schedule) => {
    try {
      await fire(deps, schedule)
    } catch (err) {
      deps.logger.error(
        { err, schedule: schedule._id },
        'a schedule could not fire; the next tick tries again',
      )
    }
  })
}
