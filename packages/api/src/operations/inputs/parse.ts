import { DataId, type Json, TaskId } from '@millrace/shared'
import type { FieldError } from '../../failure.ts'

/** What a caller wrote for one input (or one element of a `multiple` input). */
export type GivenInput =
  | { kind: 'value'; value: Json }
  | { kind: 'data'; id: DataId }
  | { kind: 'output'; task: TaskId; output: string }

export type ParsedInput = { given: GivenInput } | { fault: FieldError & { ambiguous?: true } }

/**
 * An object is a reference only if its keys are exactly those of a reference; `{value}` wraps any value; an object with
 * such a key and others is rejected as ambiguous. Everything else is the value itself.
 */
export function parseInput(raw: Json, path: string): ParsedInput {
  if (raw === null || typeof raw !== 'object' || Array.isArray(raw))
    return { given: { kind: 'value', value: raw } }
  const keys = Object.keys(raw).sort().join(',')
  if (keys === 'value') return { given: { kind: 'value', value: raw.value ?? null } }
  if (keys === 'data') return reference(DataId.safeParse(raw.data).data, `${path}/data`, 'a data id')
  if (keys === 'output,task') return outputReference(raw.task, raw.output, path)
  if ('data' in raw || 'task' in raw || 'value' in raw) {
    const message = 'looks like a reference but has other keys; wrap a plain object in {"value": …}'
    return { fault: { path, message, ambiguous: true } }
  }
  return { given: { kind: 'value', value: raw } }
}

function reference(id: DataId | undefined, path: string, what: string): ParsedInput {
  return id ? { given: { kind: 'data', id } } : { fault: { path, message: `must be ${what}` } }
}

function outputReference(task: Json | undefined, output: Json | undefined, path: string): ParsedInput {
  const id = TaskId.safeParse(task)
  if (!id.success) return { fault: { path: `${path}/task`, message: 'must be a task id' } }
  if (typeof output !== 'string')
    return { fault: { path: `${path}/output`, message: 'must be the name of an output' } }
  return { given: { kind: 'output', task: id.data, output } }
}
