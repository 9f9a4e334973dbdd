import type { FinishReport, Outcome, RunStatus } from '@millrace/shared'
import type { RunEnd } from '../../store/documents/run.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { processEnd } from './process-end.ts'

export const runStatus: Record<Outcome, RunStatus> = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  timed_out: 'timed_out',
  handed_back: 'cancelled',
}

/** The end of a run as its agent reports it. */
export function reportedEnd(report: FinishReport, claimedAt: Date | null, now: Date): RunEnd {
  return {
    status: runStatus[report.outcome],
    exitCode: report.exitCode ?? null,
    signal: report.signal ?? null,
    error: report.error ?? null,
    usage: report.usage ?? null,
    log: report.log
      ? { lines: report.log.lines, bytes: report.log.bytes, truncated: report.log.truncated }
      : null,
    logSaved: isLogSaved(report),
    startedAt: report.startedAt ? new Date(report.startedAt) : null,
    finishedAt: now,
    endedAt: processEnd(report, claimedAt, now),
  }
}

/** Only an agent that got the archived log into the store reports its size. */
const isLogSaved = ({ log }: FinishReport): boolean => log?.size !== undefined || log?.lines === 0

/** The end of a run that no agent reports any more. */
export const expiredEnd = (startedAt: Date | null, error: TaskDoc['error'], now: Date): RunEnd => ({
  status: 'lost',
  exitCode: null,
  signal: null,
  error,
  usage: null,
  log: null,
  logSaved: false,
  startedAt,
  finishedAt: now,
  endedAt: null,
})
