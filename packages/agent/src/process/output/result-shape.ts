import type { Json, Manifest } from '@millrace/shared/for-agents'

/** The shape of this program's result. */
export type ExpectedResult = {
  /** The keys of its verdict: `status` and `success` of a module, `success` alone of a configured worker. */
  keys: readonly string[]
  /** The outputs that a complete result must have. */
  required: readonly string[]
}

/** How certainly an object is the result; the strongest of several counts, and among equals the last. */
export type Shape = {
  verdict: 'success' | 'error'
  /**
   * 3: a success with all required outputs, or an error with its reason. 2: some outputs, or none if none is
   * required. 1: little more than the verdict. 0: a verdict among the fields of something else, such as a log line.
   */
  strength: 0 | 1 | 2 | 3
}

export const expectedOf = (manifest: Manifest): ExpectedResult => ({
  keys: ['status', 'success'],
  required: manifest.outputs.filter((port) => port.required).map((port) => port.key),
})

export const anyResult: ExpectedResult = { keys: ['status', 'success'], required: [] }

/** Whether a value is a result, and how certainly; `null` when it is none. */
export function shapeOf(value: Json, { keys, required }: ExpectedResult): Shape | null {
  if (!isObject(value)) return null
  const verdict = verdictOf(value, keys)
  if (verdict === null) return null
  const names = Object.keys(value)
  const isBare = names.every((name) => ownKeys.has(name))
  const isLogLine = names.some((name) => logKeys.has(name))
  if (verdict === 'error') {
    if (isBare || (isReason(value.error) && !isLogLine)) return { verdict, strength: 3 }
    return { verdict, strength: isReason(value.error ?? value.message) ? 1 : 0 }
  }
  if (isLogLine) return { verdict, strength: 0 }
  if (value.outputs === undefined && value.result === undefined)
    return { verdict, strength: !isBare ? 0 : required.length === 0 ? 2 : 1 }
  const outputs = outputsIn(value)
  return { verdict, strength: required.every((key) => Object.hasOwn(outputs, key)) ? 3 : 2 }
}

/** Whether it is complete: an error with its reason, or a success with all required outputs. */
export const isWhole = ({ verdict, strength }: Shape, { required }: ExpectedResult): boolean =>
  strength === 3 || (verdict === 'success' && strength === 2 && required.length === 0)

/** The outputs of a success. A worker's whole answer is its one output, `result`; a module may also wrap its outputs in it. */
export function outputsIn(value: Record<string, Json>): Record<string, Json> {
  if (value.status === 'success' && isObject(value.outputs)) return value.outputs
  if (value.result === undefined) return {}
  return { ...(isObject(value.result) ? value.result : {}), result: value.result }
}

export function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function verdictOf(value: Record<string, Json>, keys: readonly string[]): Shape['verdict'] | null {
  const status = keys.includes('status') ? value.status : undefined
  const success = keys.includes('success') ? value.success : undefined
  if (status === 'error' || success === false) return 'error'
  return status === 'success' || success === true ? 'success' : null
}

const isReason = (reason: Json | undefined): boolean =>
  isObject(reason) || (typeof reason === 'string' && reason !== '')

const ownKeys = new Set(['status', 'success', 'outputs', 'result', 'error', 'logs'])
/** Fields that loggers write and results do not have. */
const logKeys = new Set(['level', 'levelname', 'levelno', 'lvl', 'severity', 'logger', 'event', 'msg'])
