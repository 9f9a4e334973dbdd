import type { RunId, TaskError } from '@millrace/shared/for-agents'
import type { ProcessEnd } from '../process/run-process.ts'
import type { StopReason } from '../process/stop/stop.ts'
import type { SpooledRun } from '../report/spool.ts'
import { InputUnavailable } from './inputs/download.ts'

/** The outcome of a run; `end` is null if no process started. */
export type Ending = Pick<SpooledRun, 'outcome' | 'outputs' | 'error'> & { end: ProcessEnd | null }

/** Nothing of the run has begun; another agent may take it. */
export const handedBack = (run: RunId, startedAt: string, finishedAt: string): SpooledRun => ({
  ...{ v: 1, run, startedAt, finishedAt },
  outcome: 'handed_back',
  outputs: {},
  error: null,
  exitCode: null,
  signal: null,
  usage: null,
  log: null,
  logFile: null,
})

/** A run that was stopped before its process started, or that the agent could not execute. */
export function endingOfError(error: unknown, stopped: StopReason | null): Ending {
  const none = { outputs: {}, end: null }
  if (stopped && !(error instanceof InputUnavailable)) {
    if (stopped !== 'cancelled') return { ...none, outcome: 'handed_back', error: null }
    const cancelled: TaskError = {
      code: 'cancelled',
      message: 'cancelled before it started',
      retryable: false,
    }
    return { ...none, outcome: 'cancelled', error: cancelled }
  }
  const failure: TaskError =
    error instanceof InputUnavailable
      ? { code: 'data_not_available', message: error.message, retryable: error.retryable }
      : { code: 'crashed', message: `the agent could not run it: ${messageOf(error)}`, retryable: true }
  return { ...none, outcome: 'failed', error: failure }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
