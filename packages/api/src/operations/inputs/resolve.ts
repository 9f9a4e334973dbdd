import {
  type DataId,
  faultOfValue,
  isAwaited,
  type Json,
  type Manifest,
  type Port,
  type TaskId,
} from '@millrace/shared'
import { type FieldError, mostFaults } from '../../failure.ts'
import { pointer } from '../../pointer.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { StoredInput, TaskDoc } from '../../store/documents/task.ts'
import { faultOfItem, faultOfOutput } from './fits.ts'
import { type GivenInput, parseInput } from './parse.ts'

/** The documents that the inputs of a new task refer to. */
export type Found = { data: ReadonlyMap<DataId, DataDoc>; tasks: ReadonlyMap<TaskId, TaskDoc> }
export type Fault = FieldError & { kind: 'invalid' | 'ambiguous' | 'gone' }
export type StoredInputs = Record<string, StoredInput | StoredInput[]>

const inlineInputsLimit = 1024 * 1024

/** Every id in the inputs, to read all documents at once. */
export function referencesOf(inputs: Record<string, Json>): { data: DataId[]; tasks: TaskId[] } {
  const given = Object.values(inputs)
    .flatMap((raw) => (Array.isArray(raw) ? raw : [raw]))
    .flatMap((raw) => {
      const parsed = parseInput(raw, '')
      return 'given' in parsed ? [parsed.given] : []
    })
  return {
    data: given.flatMap((one) => (one.kind === 'data' ? [one.id] : [])),
    tasks: given.flatMap((one) => (one.kind === 'output' ? [one.task] : [])),
  }
}

/** Checks all inputs against the manifest and reports all faults at once, up to a hundred. */
export function resolveInputs(
  manifest: Manifest,
  inputs: Record<string, Json>,
  found: Found,
): { inputs: StoredInputs; faults: Fault[] } {
  const faults: Fault[] = []
  const context = { found, faults }
  const stored: StoredInputs = {}
  const known = new Map(manifest.inputs.map((port) => [port.key, port]))
  for (const key of Object.keys(inputs)) {
    if (known.has(key)) continue
    faults.push({ kind: 'invalid', path: pathOf(key), message: unknownInput(manifest, key) })
    if (faults.length >= mostFaults) return { inputs: {}, faults }
  }
  for (const port of manifest.inputs) {
    const raw = Object.hasOwn(inputs, port.key) ? (inputs[port.key] ?? null) : null
    const resolved =
      port.multiple && Array.isArray(raw)
        ? resolveList(port, raw, context)
        : resolveOne(port, raw, pathOf(port.key), context)
    if (resolved !== null) stored[port.key] = resolved
    else if (isNull(raw) && port.required && port.default === undefined) {
      faults.push({
        kind: 'invalid',
        path: pathOf(port.key),
        message: `is required${port.description ? `: ${port.description}` : ''}`,
      })
    }
  }
  if (inlineBytes(stored) > inlineInputsLimit) {
    faults.push({
      kind: 'invalid',
      path: '/inputs',
      message: 'inline values together may be 1 MiB; upload larger ones as data',
    })
  }
  return { inputs: stored, faults }
}

/** The documents that the inputs may refer to, and the faults so far. */
type Context = { found: Found; faults: Fault[] }

function resolveList(port: Port, raw: Json[], context: Context): StoredInput[] | null {
  const { faults } = context
  if (raw.length === 0 && port.required) {
    faults.push({ kind: 'invalid', path: pathOf(port.key), message: 'must have at least one element' })
    return null
  }
  const element = { ...port, multiple: false }
  const list: StoredInput[] = []
  for (const [at, one] of raw.entries()) {
    const resolved = resolveOne(element, one, `${pathOf(port.key)}/${at}`, context)
    if (resolved !== null) list.push(resolved)
    if (faults.length >= mostFaults) break
  }
  return list
}

function resolveOne(port: Port, raw: Json, path: string, context: Context): StoredInput | null {
  const parsed = parseInput(raw, path)
  if ('fault' in parsed) {
    const { ambiguous, ...fault } = parsed.fault
    context.faults.push({ kind: ambiguous ? 'ambiguous' : 'invalid', ...fault })
    return null
  }
  const { given } = parsed
  return given.kind === 'value'
    ? resolveValue(port, given.value, path, context)
    : resolveItem(port, given, path, context)
}

function resolveValue(port: Port, value: Json, path: string, { faults }: Context): StoredInput | null {
  if (value === null) return null
  const fault = port.multiple
    ? 'must be a list'
    : port.type === 'file'
      ? 'must be a data item: upload the file and give {"data": id}'
      : faultOfValue(port, value)
  if (fault) faults.push({ kind: 'invalid', path, message: fault })
  return fault ? null : { json: JSON.stringify(value) }
}

function resolveItem(
  port: Port,
  given: Exclude<GivenInput, { kind: 'value' }>,
  path: string,
  { found, faults }: Context,
): StoredInput | null {
  const id = given.kind === 'data' ? given.id : found.tasks.get(given.task)?.outputs[given.output]?.data
  if (given.kind === 'output' && !id) {
    const there = found.tasks.get(given.task)
    const message = there
      ? `task has no output "${given.output}"; it has ${Object.keys(there.outputs).join(', ') || 'none'}`
      : 'no such task'
    faults.push({ kind: 'invalid', path: there ? `${path}/output` : `${path}/task`, message })
    return null
  }
  const item = id && found.data.get(id)
  if (!id || (given.kind === 'data' && !item)) {
    faults.push({ kind: 'invalid', path: `${path}/data`, message: 'no such data item' })
    return null
  }
  // An upstream's output may not have been created yet; the task will wait for it.
  if (!item) return { data: id }
  if (item.status !== 'available' && !isAwaited(item.status)) {
    faults.push({
      kind: 'gone',
      path,
      message: `the data item is ${item.status}${item.error ? `: ${item.error.message}` : ''}`,
    })
    return null
  }
  const output = given.kind === 'output' ? found.tasks.get(given.task)?.outputs[given.output] : undefined
  const mismatch = output && faultOfOutput(port, output.format)
  if (mismatch) faults.push({ kind: 'invalid', path, message: mismatch })
  if (mismatch) return null
  const fault = port.multiple ? (item.type === 'list' ? null : 'must be a list') : faultOfItem(port, item)
  if (fault) faults.push({ kind: 'invalid', path, message: fault })
  return fault ? null : { data: id }
}

function isNull(raw: Json): boolean {
  if (raw === null) return true
  return typeof raw === 'object' && !Array.isArray(raw) && Object.keys(raw).length === 1 && raw.value === null
}

function inlineBytes(inputs: StoredInputs): number {
  return Object.values(inputs)
    .flat()
    .reduce((sum, one) => sum + ('json' in one ? Buffer.byteLength(one.json) : 0), 0)
}

function unknownInput(manifest: Manifest, key: string): string {
  const names = manifest.inputs.map((port) => port.key).join(', ')
  return `"${key}" is not an input of ${manifest.name}; it has ${names || 'none'}`
}

const pathOf = (key: string): string => pointer(['inputs', key])
