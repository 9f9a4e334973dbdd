import { constants, existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Json } from '@millrace/shared/for-agents'
import { type PythonJson, parsePythonJson } from './python-json.ts'

/** What a module says about its run. */
export type ModuleResult =
  | { kind: 'success'; outputs: Record<string, Json> }
  | {
      kind: 'error'
      type: string | null
      message: string
      retryable: boolean | null
      traceback?: string
    }
  | { kind: 'bad'; fault: string }
  | { kind: 'none' }

const largestResult = 64 * 1024 * 1024

/** Takes `result.json` of the output folder, else the last result line of standard output. */
export async function readResult(outputDir: string, lastJsonLine: string | null): Promise<ModuleResult> {
  const file = await readResultFile(join(outputDir, 'result.json'))
  if (file.kind === 'bad') return file
  if (file.kind === 'text') return interpret(parsePythonJson(file.text), 'result.json')
  return readResultLine(lastJsonLine)
}

/** What a served task's `done` carries, unless `result.json` says more. */
export async function readServedResult(outputDir: string, said: PythonJson): Promise<ModuleResult> {
  const file = await readResultFile(join(outputDir, 'result.json'))
  if (file.kind === 'bad') return file
  return file.kind === 'text'
    ? interpret(parsePythonJson(file.text), 'result.json')
    : interpret(said, 'The result')
}

/** A result from standard output alone. */
export function readResultLine(line: string | null): ModuleResult {
  return line === null ? { kind: 'none' } : interpret(parsePythonJson(line), 'The result line')
}

type ResultFile = { kind: 'text'; text: string } | { kind: 'absent' } | { kind: 'bad'; fault: string }

async function readResultFile(path: string): Promise<ResultFile> {
  if (!existsSync(path)) return { kind: 'absent' }
  // Not through a link, which may lead out of the folder; not waiting for the writer of a named pipe.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
  try {
    await using file = await open(path, flags)
    const { size, ...stat } = await file.stat()
    if (!(stat.mode & constants.S_IFREG)) return { kind: 'bad', fault: 'result.json is not a regular file' }
    if (size > largestResult)
      return { kind: 'bad', fault: `result.json has ${size} bytes; at most ${largestResult} are read` }
    return { kind: 'text', text: await file.readFile('utf8') }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code === 'ENOENT') return { kind: 'absent' }
    return { kind: 'bad', fault: `result.json cannot be read: ${String(error)}` }
  }
}

function interpret(parsed: PythonJson | null, where: string): ModuleResult {
  if (!parsed) return { kind: 'bad', fault: `${where} is not valid JSON` }
  const { value, notNumbers } = parsed
  if (!isObject(value)) return { kind: 'bad', fault: `${where} must be an object` }
  if (value.status === 'error' || value.success === false) return errorOf(value.error)
  if (value.status !== 'success' && value.success !== true)
    return { kind: 'bad', fault: `${where} has no "status" of "success" or "error"` }
  if (notNumbers.length > 0)
    return {
      kind: 'bad',
      fault: `${where} holds NaN or Infinity, which JSON does not have, at ${notNumbers.slice(0, 5).join(', ')}`,
    }
  if (value.status === 'success') {
    if (isObject(value.outputs)) return { kind: 'success', outputs: value.outputs }
    if (value.outputs !== undefined) return { kind: 'bad', fault: `${where}: "outputs" must be an object` }
  }
  if (value.result === undefined) return { kind: 'success', outputs: {} }
  // A worker's whole answer is its one output, `result`; a module may also wrap its outputs this way.
  return {
    kind: 'success',
    outputs: { ...(isObject(value.result) ? value.result : {}), result: value.result },
  }
}

/** What a module says of its failure. */
export function errorOf(error: Json | undefined): ModuleResult {
  if (typeof error === 'string') return { kind: 'error', type: null, message: error, retryable: null }
  if (!isObject(error))
    return { kind: 'error', type: null, message: 'The module gave no reason', retryable: null }
  return {
    kind: 'error',
    type: typeof error.type === 'string' ? error.type : null,
    message:
      typeof error.message === 'string' && error.message !== '' ? error.message : 'The module gave no reason',
    retryable: typeof error.retry_possible === 'boolean' ? error.retry_possible : null,
    ...(typeof error.traceback === 'string' ? { traceback: error.traceback } : {}),
  }
}

function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
