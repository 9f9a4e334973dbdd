import { stepBulkJob } from '../operations/bulk/bulk-job.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { Ports } from '../ports.ts'
import { onceAMinute } from './once-a-minute.ts'

const jobsAtOnce = 10
/** Whoever works on a job writes at least as often; only what is older was left behind. */
const patienceMs = 3_000
/** Longer than an Idempotency-Key is remembered: nobody comes back to it. */
const keptMs = 25 * 3600_000

/** Bulk jobs that were left go on, a step at each tick. */
export async function carryOnBulkJobs(ports: SettlePorts): Promise<void> {
  for (const job of await jobsOf(ports, 'going', patienceMs)) {
    ports.logger.info({ job: job._id }, 'carrying on a bulk job that was left')
    await stepBulkJob(ports, job._id)
  }
}

export const tidyBulkJobs = onceAMinute('tidy-bulk-jobs', async (ports: Ports) => {
  for (const job of await jobsOf(ports, 'done', keptMs)) await ports.store.bulkJobs.removeUnchanged(job)
})

const jobsOf = (ports: Ports, state: 'going' | 'done', olderThanMs: number) =>
  ports.store.bulkJobs.find(
    { state, at: { $lte: new Date(ports.clock.now().getTime() - olderThanMs) } },
    { limit: jobsAtOnce },
  )
