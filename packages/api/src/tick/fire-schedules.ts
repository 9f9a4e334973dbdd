import { mapConcurrently } from '../concurrency/map-concurrently.ts'
import { fire } from '../operations/schedules/fire.ts'
import type { SubmitPorts } from '../operations/submit.ts'

/** The most at each tick: the rest fires a second later, and delays no other job. */
const atOnce = 200
const callsAtOnce = 8

/** Creates the tasks of due schedules, the longest overdue first. */
export async function fireSchedules(ports: SubmitPorts): Promise<void> {
  const due = await ports.store.schedules.find(
    { enabled: true, nextFireAt: { $lte: ports.clock.now() } },
    { sort: { nextFireAt: 1 }, limit: atOnce },
  )
  await mapConcurrently(callsAtOnce, due, async (schedule) => {
    try {
      await fire(ports, schedule)
    } catch (err) {
      ports.logger.error({ err, schedule: schedule._id }, 'firing a schedule failed; the next tick retries')
    }
  })
}
