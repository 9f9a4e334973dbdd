import { constants, existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Json, Manifest } from '@millrace/shared/for-agents'
import { decodeText } from '../../text/decode-text.ts'
import { notNumbersFault, type PythonJson, parsePythonJson } from '../../text/python-json.ts'
import { nothingPrinted, type Printed } from './result-lines.ts'
import {
  anyResult,
  type ExpectedResult,
  expectedOf,
  isObject,
  outputsIn,
  type Shape,
  shapeOf,
} from './result-shape.ts'

/** A module's report on its run. */
export type ModuleResult = (
  | { kind: 'success'; outputs: Record<string, Json> }
  | {
      kind: 'error'
      type: string | null
      message: string
      retryable: boolean | null
      traceback?: string
    }
  | { kind: 'bad'; fault: string }
  | { kind: 'none'; fault?: string }
) & {
  /** Remarks for the module's author about how the result was found. */
  notes?: string[]
  /** An exit code other than 0 outranks it. */
  isWeak?: boolean
}

const largestResult = 64 * 1024 * 1024

/** A result as the program wrote it: its location, and how certainly it is one. */
type Said = { parsed: PythonJson; where: string; strength: number }

/** A process's printed output that may be its result. */
export type PrintedResult = { lastJsonLine: string | null; printed: Printed }

/** Reads `result.json` or the printed result, whichever is more certainly a result; if equal, the file. */
export async function readResult(
  outputDir: string,
  said: PrintedResult,
  manifest: Manifest,
): Promise<ModuleResult> {
  const expected = expectedOf(manifest)
  const { lastJsonLine: text, printed } = said
  const parsed = text === null ? null : parsePythonJson(text)
  const line = parsed && commandOutput(parsed, 'The result line', expected)
  if (printed.fault && (await strengthOfFile(outputDir, expected)) < 2)
    return { kind: 'bad', fault: `The module gave no result that can be read: ${printed.fault}` }
  const result = await choose(outputDir, line, manifest)
  const notes = [...printed.notes, ...(result.notes ?? [])]
  return { ...result, ...(notes.length > 0 ? { notes } : {}), isWeak: result.isWeak ?? printed.isWeak }
}

/** The result of a served task from its `done` message, unless `result.json` has more. */
export function readServedResult(
  outputDir: string,
  said: PythonJson,
  manifest: Manifest,
): Promise<ModuleResult> {
  return choose(outputDir, commandOutput(said, 'The result', expectedOf(manifest)), manifest)
}

/** A result from standard output alone. */
export function readResultLine(line: string | null, printed: Printed = nothingPrinted): ModuleResult {
  if (line === null) return { kind: 'none' }
  const { isWeak, notes } = printed
  return { ...interpret(parsePythonJson(line), 'The result line'), isWeak, notes }
}

const commandOutput = (parsed: PythonJson, where: string, expected: ExpectedResult): Said => ({
  ...{ parsed, where },
  strength: shapeOf(parsed.value, expected)?.strength ?? -1,
})

async function choose(outputDir: string, printed: Said | null, manifest: Manifest): Promise<ModuleResult> {
  const path = join(outputDir, 'result.json')
  const read = await readResultFile(path)
  const ofPrinted = (note?: string): ModuleResult => {
    const result: ModuleResult = printed ? interpret(printed.parsed, printed.where) : { kind: 'none' }
    return note === undefined ? result : { ...result, notes: [note] }
  }
  if (read.kind === 'absent') return ofPrinted()
  if (printed && names(printed, path, manifest)) return ofPrinted()
  const parsed = read.kind === 'text' ? parsePythonJson(read.text) : null
  const file = parsed && commandOutput(parsed, 'result.json', expectedOf(manifest))
  if (!file || file.strength < 0) {
    const bad = read.kind === 'bad' ? read : interpret(parsed, 'result.json')
    const fault = bad.kind === 'bad' ? bad.fault : 'result.json is not a result'
    // A truncated file may have been the result, and the printed output is not enough without it.
    const isEnough = printed && printed.strength >= (parsed ? 0 : 2)
    return isEnough ? ofPrinted(`${fault}; the printed result counts`) : { kind: 'bad', fault }
  }
  if (printed && file.strength < printed.strength)
    return ofPrinted(
      'result.json is less complete than the printed result, which counts; give other files other names',
    )
  const result = interpret(file.parsed, file.where)
  const differs = printed && printed.strength >= 2 && !isSame(printed, file)
  return {
    ...result,
    isWeak: file.strength === 0,
    ...(differs ? { notes: ['result.json and the printed result differ; result.json counts'] } : {}),
  }
}

const isSame = (a: Said, b: Said): boolean =>
  JSON.stringify(a.parsed.value) === JSON.stringify(b.parsed.value)

/** Whether a result names the file as one of its outputs: then it is an output, whatever its content. */
function names({ parsed: { value }, strength }: Said, path: string, manifest: Manifest): boolean {
  if (!isObject(value) || strength < 2) return false
  const outputs = outputsIn(value)
  const ports = manifest.outputs.filter((port) => port.type === 'file')
  const files = ports.flatMap(({ key }) => outputs[key] ?? [])
  return files.some((file) => typeof file === 'string' && resolve(path, '..', file) === path)
}

type ResultFile = { kind: 'text'; text: string } | { kind: 'absent' } | { kind: 'bad'; fault: string }

async function readResultFile(path: string): Promise<ResultFile> {
  if (!existsSync(path)) return { kind: 'absent' }
  // O_NOFOLLOW: a link may lead out of the folder. O_NONBLOCK: a named pipe may have no writer.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
  try {
    await using file = await open(path, flags)
    const { size, ...stat } = await file.stat()
    if (!(stat.mode & constants.S_IFREG)) return { kind: 'bad', fault: 'result.json is not a regular file' }
    if (size > largestResult)
      return { kind: 'bad', fault: `result.json has ${size} bytes; at most ${largestResult} are read` }
    const decoded = decodeText(await file.readFile())
    return 'fault' in decoded
      ? { kind: 'bad', fault: `result.json ${decoded.fault}: write it as UTF-8` }
      : { kind: 'text', text: decoded.text }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code === 'ENOENT') return { kind: 'absent' }
    return { kind: 'bad', fault: `result.json cannot be read: ${String(error)}` }
  }
}

const strengthOfFile = async (outputDir: string, expected: ExpectedResult): Promise<number> =>
  (await shapeOfFile(outputDir, expected))?.strength ?? -1

/** How certainly `result.json` is a result; `null` when it is none. */
export async function shapeOfFile(outputDir: string, expected: ExpectedResult): Promise<Shape | null> {
  const file = await readResultFile(join(outputDir, 'result.json'))
  const parsed = file.kind === 'text' ? parsePythonJson(file.text) : null
  return parsed && shapeOf(parsed.value, expected)
}

function interpret(parsed: PythonJson | null, where: string): ModuleResult {
  if (!parsed) return { kind: 'bad', fault: `${where} is not valid JSON` }
  const { value, notNumbers } = parsed
  if (!isObject(value)) return { kind: 'bad', fault: `${where} must be an object` }
  const verdict = shapeOf(value, anyResult)?.verdict
  if (verdict === 'error') return errorOf(value.error ?? value.message)
  if (!verdict) return { kind: 'bad', fault: `${where} has no "status" of "success" or "error"` }
  if (notNumbers.length > 0) return { kind: 'bad', fault: `${where} ${notNumbersFault(parsed)}` }
  if (value.status === 'success' && value.outputs !== undefined && !isObject(value.outputs))
    return { kind: 'bad', fault: `${where}: "outputs" must be an object` }
  return { kind: 'success', outputs: outputsIn(value) }
}

/** The error that a module reports. */
export function errorOf(error: Json | undefined): ModuleResult {
  if (typeof error === 'string' && error !== '')
    return { kind: 'error', type: null, message: error, retryable: null }
  if (!isObject(error)) return { kind: 'error', type: null, message: noReason, retryable: null }
  return {
    kind: 'error',
    type: typeof error.type === 'string' ? error.type : null,
    message: typeof error.message === 'string' && error.message !== '' ? error.message : noReason,
    retryable: typeof error.retry_possible === 'boolean' ? error.retry_possible : null,
    ...(typeof error.traceback === 'string' ? { traceback: error.traceback } : {}),
  }
}

export const noReason = 'The module gave no reason'
