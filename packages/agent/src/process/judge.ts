import type { Json, Manifest, Outcome, TaskError } from '@millrace/shared/for-agents'
import { checkOutputs, type Produced } from './check-outputs.ts'
import { errorOfExit, isOutOfMemory, withLastLines } from './exit-error.ts'
import { errorOfOverrun } from './limits.ts'
import { type ModuleResult, readResult } from './read-result.ts'
import type { ProcessEnd, StopReason } from './run-process.ts'

export type { Produced } from './check-outputs.ts'

export type Verdict = {
  outcome: Outcome
  outputs: Record<string, Produced>
  error: TaskError | null
  /** Outputs that the result named and the manifest does not declare. */
  undeclared: string[]
}

/**
 * Decides how a run ended. The agent's own reason outranks what the module says, which outranks its exit
 * code: a module that reported success and then crashed while it tidied up has done its work.
 */
export async function judge(o: {
  end: ProcessEnd
  manifest: Manifest
  outputDir: string
  /** What it says about its run, where that is not read as a module's is. */
  result?: ModuleResult
}): Promise<Verdict> {
  const { end } = o
  if (end.stopReason) return stopped(end.stopReason, end, o.manifest)
  if (end.startError) return failed({ code: 'crashed', message: end.startError, retryable: true })
  const result = o.result ?? (await readResult(o.outputDir, end.lastJsonLine))
  switch (result.kind) {
    case 'success':
      return succeeded(o, result.outputs)
    case 'error':
      return failed(moduleError(result, end))
    case 'bad':
      return end.exitCode === 0 ? failed(badOutput(result.fault)) : byExit(end)
    case 'none':
      return end.exitCode === 0 ? failed(badOutput(noResult(end))) : byExit(end)
  }
}

function stopped(reason: StopReason, { overrun, timeoutSeconds }: ProcessEnd, manifest: Manifest): Verdict {
  switch (reason) {
    case 'over_limit':
      return overrun ? byError(errorOfOverrun(manifest.name, overrun)) : ended('handed_back', null)
    case 'cancelled':
      return ended('cancelled', { code: 'cancelled', message: 'The run was cancelled', retryable: false })
    case 'timed_out':
      return ended('timed_out', {
        code: 'timed_out',
        message:
          `${manifest.name} took longer than its time limit${timeoutSeconds ? ` of ${timeoutSeconds} s` : ''} and was ` +
          'stopped: raise timeout_seconds in its module.json, or timeoutSeconds of the task',
        retryable: true,
      })
    case 'shutdown':
    case 'superseded':
      return ended('handed_back', null)
  }
}

async function succeeded(
  o: { manifest: Manifest; outputDir: string },
  returned: Record<string, Json>,
): Promise<Verdict> {
  const checked = await checkOutputs(o.manifest, unwrapped(o.manifest, returned), o.outputDir)
  if ('fault' in checked) return failed(badOutput(checked.fault))
  return { outcome: 'succeeded', outputs: checked.outputs, error: null, undeclared: checked.undeclared }
}

/** `{"success": true, "result": …}`: `result` is an output only where the manifest declares one of that name. */
function unwrapped(manifest: Manifest, returned: Record<string, Json>): Record<string, Json> {
  const { result, ...others } = returned
  return result === undefined || manifest.outputs.some((port) => port.key === 'result') ? returned : others
}

function moduleError(result: Extract<ModuleResult, { kind: 'error' }>, end: ProcessEnd): TaskError {
  const outOfMemory = isOutOfMemory(`${result.type ?? ''}: ${result.message}`)
  return {
    code: outOfMemory ? 'out_of_memory' : 'module_error',
    message: result.message.slice(0, 8000).toWellFormed(),
    retryable: result.retryable ?? end.exitCode !== 2,
    detail: {
      type: result.type,
      ...(result.traceback ? { traceback: result.traceback.slice(-8000).toWellFormed() } : {}),
    },
  }
}

function byExit(end: ProcessEnd): Verdict {
  return byError(errorOfExit(end))
}

function byError(error: TaskError): Verdict {
  return ended(error.code === 'timed_out' ? 'timed_out' : 'failed', error)
}

function noResult(end: ProcessEnd): string {
  return withLastLines(
    'The module ended with exit code 0 but gave no result: its last line on standard output must be ' +
      '{"status": "success", "outputs": {…}}, or it must write that to result.json in its output folder',
    end,
  )
}

function badOutput(message: string): TaskError {
  return { code: 'bad_output', message: message.slice(0, 16_000).toWellFormed(), retryable: false }
}

const failed = (error: TaskError): Verdict => ended('failed', error)

function ended(outcome: Outcome, error: TaskError | null): Verdict {
  return { outcome, outputs: {}, error, undeclared: [] }
}
