import { performance } from 'node:perf_hooks'
import type { ApiPorts } from '../api-ports.ts'
import { abortUploads } from './abort-uploads.ts'
import { archiveLostLogs } from './archive-lost-logs.ts'
import { carryOnBatches, tidyBatches } from './carry-on-batches.ts'
import { carryOnBulkJobs, tidyBulkJobs } from './carry-on-bulk-jobs.ts'
import { carryOnMarkers } from './carry-on-markers.ts'
import { collectGarbage } from './collect-garbage.ts'
import { endSilentSessions } from './end-silent-sessions.ts'
import { ensureStreams } from './ensure-streams.ts'
import { expireData } from './expire-data.ts'
import { expireUploads } from './expire-uploads.ts'
import { finishDeletions } from './finish-deletions.ts'
import { fireSchedules } from './fire-schedules.ts'
import { holdRunning } from './hold-running.ts'
import { noteReplica } from './note-replica.ts'
import { openParkedEntries } from './open-parked-entries.ts'
import { refreshStandings } from './refresh-standings.ts'
import { removeExpired } from './remove-expired.ts'
import { removeStaleHolders } from './remove-stale-holders.ts'
import { reportRefusedCallers } from './report-refused-callers.ts'
import { resumePausedAgents } from './resume-paused-agents.ts'
import { retainData } from './retain-data.ts'
import { retainLogs, retainRuns } from './retain-runs.ts'
import { retainTasks } from './retain-tasks.ts'
import { sendTokens } from './send-tokens.ts'
import { sendWebhooks } from './send-webhooks.ts'
import { tidyRuns } from './tidy-runs.ts'

/**
 * In this order: first abandoned work, then due work. Each job is bounded and safe to run twice. The keys are labels of
 * a metric, so they keep the names that dashboards know.
 */
const jobs: Record<string, (ports: ApiPorts, signal?: AbortSignal) => Promise<void>> = {
  noteReplica,
  carryOnMarkers,
  carryOnBatches,
  carryOnBulkJobs,
  finishDeletions,
  endSilentSessions,
  wakeRestedAgents: resumePausedAgents,
  refreshStandings,
  removeStaleHolders,
  holdRunning,
  openParkedEntries,
  fireSchedules,
  sendWebhooks,
  ensureStreams,
  sendTokens,
  expireUploads,
  expireData,
  retainTasks,
  retainRuns,
  retainLogs,
  retainData,
  removeExpired,
  archiveLostLogs,
  tidyBucket: collectGarbage,
  abortUploads,
  tidyRuns,
  tidyBatches,
  tidyBulkJobs,
  reportRefusedCallers,
}

/**
 * Continues the work that a crash interrupted, and does all that is due. A failing job does not stop the others; after
 * the signal no further job begins.
 */
export async function tick(ports: ApiPorts, signal?: AbortSignal): Promise<void> {
  for (const [job, run] of Object.entries(jobs)) {
    if (signal?.aborted) return
    const start = performance.now()
    let hasFailed = false
    try {
      await run(ports, signal)
    } catch (err) {
      hasFailed = true
      ports.logger.error({ err, job }, 'a job of the tick failed; the next tick retries')
    }
    ports.meter.jobDone(job, (performance.now() - start) / 1000, hasFailed)
  }
}
