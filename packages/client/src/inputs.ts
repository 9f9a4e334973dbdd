import type { DataId, Json, TaskId } from './contract.gen.ts'

const reference = Symbol('reference')

/** A reference to an existing item or output. Made only by the functions below. */
export type InputReference = { [reference]: { data: DataId } | { task: string; output: string } }
export type Input = Json | InputReference | InputReference[]

/** An uploaded file or a kept value as input. */
export const fromData = (data: DataId): InputReference => ({ [reference]: { data } })

/** What another task will put out; the new task waits for it. */
export const fromOutput = (task: TaskId, output: string): InputReference => ({
  [reference]: { task, output },
})

/** The same of a task in the same batch, by its ref there. */
export const fromRef = (ref: string, output: string): InputReference => ({
  [reference]: { task: ref, output },
})

/**
 * Inputs as the API takes them. Values are always wrapped, so that an object from somewhere else that happens
 * to look like a reference stays the value it is.
 */
export function wireInputs(inputs: Record<string, Input>): Record<string, Json> {
  return Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, wireInput(input)]))
}

function wireInput(input: Input): Json {
  if (isReference(input)) return input[reference]
  if (!isReferences(input)) return { value: input }
  return input.map((one) => one[reference])
}

const isReference = (input: unknown): input is InputReference =>
  typeof input === 'object' && input !== null && reference in input

const isReferences = (input: Json | InputReference[]): input is InputReference[] =>
  Array.isArray(input) && input.length > 0 && input.every(isReference)
