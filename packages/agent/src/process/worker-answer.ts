import type { Json } from '@millrace/shared/for-agents'
import type { Mask } from '../log/secrets.ts'
import { parsePythonJson } from '../text/python-json.ts'
import { forLog } from './output/parse-output.ts'
import { type ModuleResult, readResultLine } from './output/read-result.ts'
import { type ExpectedResult, isObject } from './output/result-shape.ts'
import type { ProcessEnd } from './run-process.ts'

/** A configured worker's final answer: the result, and lines for the run's log. */
export type WorkerAnswer = {
  result: ModuleResult
  lines: { stream: 'stdout' | 'stderr'; line: string }[]
}

/** This key identifies the answer among a worker's output. */
const answerKey = 'success'

export const expectedAnswer: ExpectedResult = { keys: [answerKey], required: [] }

/**
 * Reads `{"success": true, "result": …, "logs": […]}` or `{"success": false, "error": {…}, "logs": […]}`. An answer
 * without a result has the result `null`.
 */
export function workerAnswer(end: ProcessEnd, mask?: Mask): WorkerAnswer {
  const toLine = lineMaker(mask)
  const { fault } = end.printed
  if (fault) return { result: { kind: 'bad', fault: `The worker gave no answer: ${fault}` }, lines: [] }
  const result = readResultLine(end.lastJsonLine, end.printed)
  if (result.kind === 'none') return { result: { kind: 'none', fault: noAnswer }, lines: [] }
  const lines = logsOf(end.lastJsonLine ?? '').map((line) => toLine('stdout', line))
  if (result.kind === 'success')
    return { result: { ...result, outputs: { result: result.outputs.result ?? null } }, lines }
  if (result.kind !== 'error' || !result.traceback) return { result, lines }
  return { result, lines: [...lines, ...split(result.traceback).map((line) => toLine('stderr', line))] }
}

function logsOf(answer: string): string[] {
  const value = parsePythonJson(answer)?.value
  if (!isObject(value) || !Array.isArray(value.logs)) return []
  return value.logs.flatMap((entry) => {
    const { level, message } = isObject(entry) ? entry : { level: null, message: entry }
    const before = typeof level === 'string' ? `${level} ` : ''
    return split(textOf(message ?? entry)).map((line) => before + line)
  })
}

const noAnswer =
  'The worker ended with exit code 0 but gave no answer: its last line of JSON on standard output must be ' +
  '{"success": true, "result": …} or {"success": false, "error": {…}}, at most 1 MiB long'

const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))
const split = (text: string): string[] => text.trimEnd().split(/\r?\n/)
const lineMaker = (mask?: Mask) => (stream: 'stdout' | 'stderr', text: string) => ({
  stream,
  line: forLog({ text, dropped: 0 }, mask),
})
