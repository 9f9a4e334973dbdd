import type { Deps } from '../deps.ts'
import { stepBulkJob } from '../operations/bulk/bulk-job.ts'
import { onceAMinute } from './once-a-minute.ts'

const jobsAtOnce = 10
/** Whoever works on a job writes at least as often; only what is older was left behind. */
const patienceMs = 3_000
/** Longer than an Idempotency-Key is remembered: nobody comes back to it. */
const keptMs = 25 * 3600_000

/** Bulk jobs that were left go on, a step at each tick. */
export async function carryOnBulkJobs(deps: Deps): Promise<void> {
  for (const job of await jobsOf(deps, 'going', patienceMs)) {
    deps.logger.info({ job: job._id }, 'carrying on a bulk job that was left')
    await stepBulkJob(deps, job._id)
  }
}

export const tidyBulkJobs = onceAMinute('tidy-bulk-jobs', async (deps: Deps) => {
  for (const job of await jobsOf(deps, 'done', keptMs)) await deps.store.bulkJobs.removeUnchanged(job)
})

const jobsOf = (deps: Deps, state: 'going' | 'done', olderThanMs: number) =>
  deps.store.bulkJobs.find(
    { state, at: { $lte: new Date(deps.clock.now().getTime() - olderThanMs) } },
    { limit: jobsAtOnce },
  )
