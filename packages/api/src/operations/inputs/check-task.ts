import type { CreateTask, Manifest } from '@millrace/shared'
import { Failure, mostFaults } from '../../failure.ts'
import { pointer } from '../../pointer.ts'
import { type Fault, type Found, resolveInputs, type StoredInputs } from './resolve.ts'

/** Checks a new task against its module and the database. Returns its inputs as stored; reports all faults at once. */
export function checkTask(manifest: Manifest, wanted: CreateTask, found: Found): StoredInputs {
  const { inputs, faults } = resolveInputs(manifest, wanted.inputs, found)
  wanted.after.forEach((id, at) => {
    if (!found.tasks.has(id)) faults.push({ kind: 'invalid', path: `/after/${at}`, message: 'no such task' })
  })
  if (faults.length > 0) throw inputFailure(manifest.name, faults)
  checkOutputs(manifest, wanted)
  return inputs
}

function inputFailure(module: string, faults: Fault[]): Failure {
  const errors = faults.map(({ path, message }) => ({ path, message }))
  const detail = errors.map(({ path, message }) => `${path} ${message}`).join('; ')
  if (faults.some((fault) => fault.kind === 'invalid'))
    return new Failure('invalid_request', `The inputs do not fit ${module}: ${detail}.`, { errors })
  const code = faults.some((fault) => fault.kind === 'ambiguous') ? 'ambiguous_input' : 'data_not_available'
  return new Failure(code, `${detail}.`, { errors })
}

function checkOutputs(manifest: Manifest, wanted: CreateTask): void {
  const known = new Set(manifest.outputs.map((port) => port.key))
  const unknown = Object.keys(wanted.outputs)
    .filter((key) => !known.has(key))
    .slice(0, mostFaults)
  if (unknown.length === 0) return
  const errors = unknown.map((key) => ({
    path: pointer(['outputs', key]),
    message: `is not an output of ${manifest.name}`,
  }))
  throw new Failure('invalid_request', `${manifest.name} has no output ${unknown.join(', ')}.`, { errors })
}
