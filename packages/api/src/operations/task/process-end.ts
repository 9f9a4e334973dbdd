import type { FinishReport } from '@millrace/shared'

/**
 * When the process of a run ended. Agents report it in the API's time, as they measured it. A time before the claim or
 * after the report is rejected; then the claim plus the reported duration counts.
 */
export function processEnd(report: FinishReport, claimedAt: Date | null, now: Date): Date {
  if (!report.finishedAt) return now
  const end = Date.parse(report.finishedAt)
  // The run expired, its task was requeued, and the agent reported all the same: the time of the claim is lost.
  if (claimedAt === null) return end <= now.getTime() ? new Date(end) : now
  const earliest = claimedAt.getTime()
  const isPossible = (at: number) => at >= earliest && at <= now.getTime()
  if (isPossible(end)) return new Date(end)
  const took = report.startedAt ? end - Date.parse(report.startedAt) : Number.NaN
  return isPossible(earliest + took) ? new Date(earliest + took) : now
}
