import type { Json, Manifest, Outcome, TaskError } from '@millrace/shared/for-agents'
import { type CheckedOutputs, checkOutputs, type Produced } from './check-outputs.ts'
import { errorOfExit, isOutOfMemory, withAllLastLines, withLastLines } from './exit-error.ts'
import { errorOfOverrun } from './limits/limits.ts'
import { type ModuleResult, noReason, readResult } from './output/read-result.ts'
import type { ProcessEnd } from './run-process.ts'
import type { StopReason } from './stop/stop.ts'

export type Verdict = {
  outcome: Outcome
  outputs: Record<string, Produced>
  error: TaskError | null
  /** Outputs that the result named and the manifest does not declare. */
  undeclared: string[]
  /** Remarks for the module's author about how the result was found. */
  notes: string[]
}

/**
 * Decides how a run ended. The agent's own reason outranks the module's result, which outranks its exit
 * code: a module that reported success and then crashed during cleanup has done its work.
 */
export async function classifyOutcome(o: {
  end: ProcessEnd
  manifest: Manifest
  outputDir: string
  /** The program's result, unless it is to be read as a module's. */
  result?: ModuleResult
}): Promise<Verdict> {
  const { end } = o
  if (end.stopReason) return stopped(end.stopReason, end, o.manifest)
  if (end.startError) return failed({ code: 'crashed', message: end.startError, retryable: true })
  const result = o.result ?? (await readResult(o.outputDir, end, o.manifest))
  const verdict = await byResult(o, result)
  return { ...verdict, notes: [...(result.notes ?? []), ...verdict.notes] }
}

async function byResult(
  o: { end: ProcessEnd; manifest: Manifest; outputDir: string },
  result: ModuleResult,
): Promise<Verdict> {
  const { end } = o
  // The agent ended it after its result, so the exit code means nothing.
  const isGoodEnd = end.exitCode === 0 || end.hungAfterResult === true
  if (result.isWeak && !isGoodEnd) return byExit(end, notTaken(end))
  switch (result.kind) {
    case 'success': {
      const checked = await checkOutputs(o.manifest, unwrapped(o.manifest, result.outputs), o.outputDir)
      if (!('fault' in checked)) return succeeded(checked)
      return isGoodEnd ? failed(badOutput(checked.fault)) : byExit(end, checked.fault)
    }
    case 'error':
      return failed(moduleError(result, end))
    case 'bad':
      return isGoodEnd ? failed(badOutput(result.fault)) : byExit(end, result.fault)
    case 'none':
      return isGoodEnd ? failed(badOutput(withAllLastLines(result.fault ?? noResult, end))) : byExit(end)
  }
}

/** Such a line goes into the log instead. */
const notTaken = (end: ProcessEnd): string =>
  `exit code ${end.exitCode} outranks a line that only looks like a result: ${end.lastJsonLine?.slice(0, 1000)}`

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

function succeeded({ outputs, undeclared }: Extract<CheckedOutputs, { outputs: object }>): Verdict {
  return { outcome: 'succeeded', outputs, error: null, undeclared, notes: [] }
}

/** `{"success": true, "result": …}`: `result` is an output only if the manifest declares an output of that name. */
function unwrapped(manifest: Manifest, returned: Record<string, Json>): Record<string, Json> {
  const { result, ...others } = returned
  return result === undefined || manifest.outputs.some((port) => port.key === 'result') ? returned : others
}

function moduleError(result: Extract<ModuleResult, { kind: 'error' }>, end: ProcessEnd): TaskError {
  const outOfMemory = isOutOfMemory(`${result.type ?? ''}: ${result.message}`)
  return {
    code: outOfMemory ? 'out_of_memory' : 'module_error',
    message: reasonOf(result.message, end).slice(0, 8000).toWellFormed(),
    retryable: result.retryable ?? end.exitCode !== 2,
    detail: {
      type: result.type?.toWellFormed() ?? null,
      ...(result.traceback ? { traceback: result.traceback.slice(-8000).toWellFormed() } : {}),
    },
  }
}

/** Appends the last lines if the result has no reason, or another one than the exception that ended the program. */
function reasonOf(message: string, end: ProcessEnd): string {
  if (message === noReason) return withLastLines(message, end)
  const traceback = end.stderrTail.findLastIndex((line) =>
    line.startsWith('Traceback (most recent call last):'),
  )
  if (end.exitCode !== 1 || traceback === -1) return message
  const words = end.stderrTail.findLast((line) => line.trim() !== '') ?? ''
  const isSaid = message.includes(words.replace(/^[\w.]+: /, '').trim())
  return isSaid ? message : withLastLines(message, end)
}

function byExit(end: ProcessEnd, note?: string): Verdict {
  return { ...byError(errorOfExit(end)), notes: note === undefined ? [] : [note] }
}

function byError(error: TaskError): Verdict {
  return ended(error.code === 'timed_out' ? 'timed_out' : 'failed', error)
}

const noResult =
  'The module ended with exit code 0 but gave no result: its last line on standard output must be ' +
  '{"status": "success", "outputs": {…}}, at most 1 MiB long, or it must write that to result.json in its output folder'

function badOutput(message: string): TaskError {
  return { code: 'bad_output', message: message.slice(0, 16_000).toWellFormed(), retryable: false }
}

const failed = (error: TaskError): Verdict => ended('failed', error)

function ended(outcome: Outcome, error: TaskError | null): Verdict {
  return { outcome, outputs: {}, error, undeclared: [], notes: [] }
}
