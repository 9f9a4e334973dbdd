import type { FinishRequest, OutputFile, ReportedOutput, TaskError } from '@millrace/shared/for-agents'
import { Secrets } from '../log/secrets.ts'
import type { SpooledFile, SpooledOutput, SpooledRun } from './spool.ts'

/** A spooled result as the API's request. */
export function finishReport(result: SpooledRun, logSize: number | null): Omit<FinishRequest, 'sessionId'> {
  const reported: Record<string, ReportedOutput> = {}
  for (const [key, output] of Object.entries(result.outputs)) reported[key] = asReported(output)
  return {
    outcome: result.outcome,
    result: reported,
    error: result.error,
    exitCode: result.exitCode,
    signal: result.signal,
    startedAt: result.startedAt,
    finishedAt: result.finishedAt,
    usage: result.usage,
    log: result.log && { ...result.log, ...(logSize === null ? {} : { size: logSize }) },
  }
}

export const filesOf = (result: SpooledRun): SpooledFile[] =>
  Object.values(result.outputs).flatMap((output) => ('files' in output ? output.files : []))

const withoutSignatures = new Secrets().mask()

/** The same run as a failure because of its report. */
export const failedInstead = (result: SpooledRun, error: TaskError): SpooledRun => ({
  ...result,
  outcome: 'failed',
  outputs: {},
  error: { ...error, message: withoutSignatures(error.message).slice(0, 16_000) },
})

function asReported(output: SpooledOutput): ReportedOutput {
  if ('value' in output) return output
  const files = output.files.map(withoutPath)
  const [only] = files
  return output.list || !only ? { files } : { file: only }
}

const withoutPath = ({ path: _path, ...file }: SpooledFile): OutputFile => file
