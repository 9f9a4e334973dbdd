import { mapConcurrently } from '../concurrency/map-concurrently.ts'
import { fire } from '../operations/schedules/fire.ts'
import type { SubmitPorts } from '../operations/submit.ts'

/** So many at each tick: what is more than that is a second late, and keeps no other job waiting. */
const atOnce = 200
const callsAtOnce = 8

/** What is due by time becomes a task, the longest overdue first. */
export async function fireSchedules(ports: SubmitPorts): Promise<void> {
  const due = await ports.store.schedules.find(
    { enabled: true, nextFireAt: { $lte: ports.clock.now() } },
    { sort: { nextFireAt: 1 }, limit: atOnce },
  )
  await mapConcurrently(callsAtOnce, due, async (schedule) => {
    try {
      await fire(ports, schedule)
    } catch (err) {
      ports.logger.error(
        { err, schedule: schedule._id },
        'a schedule could not fire; the next tick tries again',
      )
    }
  })
}
