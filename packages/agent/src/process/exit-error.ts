import type { TaskError } from '@millrace/shared/for-agents'
import type { ProcessEnd } from './run-process.ts'

/** The error for an end without a valid result, by signal and exit code. */
export function errorOfExit(end: ProcessEnd): TaskError {
  if (isOutOfMemory(end.stderrTail.slice(-3).join('\n')))
    return error('out_of_memory', 'The module ran out of memory', true, end)
  if (end.signal === 'SIGKILL')
    return error(
      'crashed',
      'The module was killed (SIGKILL), most often by the system because memory ran out: raise min_ram_mb',
      true,
      end,
    )
  if (end.signal) return error('crashed', `The module crashed (${end.signal})`, true, end)
  const code = end.exitCode ?? -1
  // Windows reports exceptions as exit codes from 0x80000000 on, such as 0xC0000005 (access violation).
  if (code < 0 || code >= 0x80000000)
    return error('crashed', `The module crashed (exception 0x${(code >>> 0).toString(16)})`, true, end)
  if (code === 130) return error('crashed', 'The module was interrupted, but not by the agent', true, end)
  if (code === 3)
    return error('timed_out', 'The module reported that it ran out of time (exit code 3)', true, end)
  if (code === 2) return error('module_error', 'The module failed for good (exit code 2)', false, end)
  return error('module_error', `The module failed (exit code ${code})`, true, end)
}

/** Whether an error's type or text is one that Python and CUDA use for exhausted memory. */
export function isOutOfMemory(text: string): boolean {
  return /\bOutOfMemoryError\b|\bMemoryError\b|CUDA out of memory|CUDA_ERROR_OUT_OF_MEMORY/.test(text)
}

/** A message and the last lines of standard error, where the cause usually is, or else of standard output. */
export function withLastLines(message: string, end: ProcessEnd): string {
  const stderr = tailOf('error', end.stderrTail)
  return clip(`${message}${stderr === '' ? tailOf('output', end.stdoutTail) : stderr}`)
}

/** A message and the last lines of both streams. */
export const withAllLastLines = (message: string, end: ProcessEnd): string =>
  clip(`${message}${tailOf('output', end.stdoutTail)}${tailOf('error', end.stderrTail)}`)

function tailOf(stream: 'output' | 'error', tail: readonly string[]): string {
  const lines = tail.slice(-15).join('\n').trim()
  return lines === '' ? '' : `. Last lines of standard ${stream}:\n${lines.slice(-3500)}`
}

const clip = (message: string): string => message.slice(0, 8000).toWellFormed()

/** The message alone, for callers that have the lines. */
export const withoutLastLines = (message: string): string =>
  message.split(/\. Last lines of standard (?:output|error):\n/)[0] ?? message

function error(code: TaskError['code'], message: string, retryable: boolean, end: ProcessEnd): TaskError {
  return {
    code,
    message: withLastLines(message, end),
    retryable,
    detail: { exitCode: end.exitCode, signal: end.signal },
  }
}
