import { stepBulkJob } from '../operations/bulk/bulk-job.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { Ports } from '../ports.ts'
import { onceAMinute } from './once-a-minute.ts'

const jobsAtOnce = 10
/** A process that works on a job writes at least this often; an older job was abandoned. */
const patienceMs = 3_000
/** Longer than the API remembers an Idempotency-Key: no repeated request needs the job any more. */
const keptMs = 25 * 3600_000

/** Continues abandoned bulk jobs, a step at each tick. */
export async function carryOnBulkJobs(ports: SettlePorts): Promise<void> {
  for (const job of await jobsOf(ports, 'going', patienceMs)) {
    ports.logger.info({ job: job._id }, 'continuing an abandoned bulk job')
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
