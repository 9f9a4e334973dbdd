import { z } from 'zod'
import type { FieldError } from '../failure.ts'
import { pointer } from '../pointer.ts'

/** Limits where the schema sets none. */
const most = { elements: 10_000, members: 10_000 }

type Path = readonly PropertyKey[]

/**
 * The first list or object with far more members than its schema allows. zod would spend seconds describing each fault
 * in it, before the API cuts the report to a hundred.
 */
export function faultOfSize(schema: z.core.$ZodType, raw: unknown, path: Path = []): FieldError | null {
  const inner = looking(schema)
  if (inner instanceof z.ZodUnion) {
    const faults = inner.options.map((option) => faultOfSize(option, raw, path))
    return faults.includes(null) ? null : (faults[0] ?? null)
  }
  if (Array.isArray(raw)) return inner instanceof z.ZodArray ? faultOfList(inner, raw, path) : null
  if (raw === null || typeof raw !== 'object') return null
  if (inner instanceof z.ZodRecord) {
    const entries = Object.entries(raw)
    if (entries.length > most.members) return tooMany(path, 'members', most.members)
    return firstFault(entries, ([key, value]) => faultOfSize(inner.valueType, value, [...path, key]))
  }
  if (!(inner instanceof z.ZodObject)) return null
  const known = Object.entries<z.core.$ZodType>(inner.shape)
  if (Object.keys(raw).length > known.length + most.members) return tooMany(path, 'members', most.members)
  return firstFault(known, ([key, of]) =>
    Object.hasOwn(raw, key) ? faultOfSize(of, raw[key as keyof typeof raw], [...path, key]) : null,
  )
}

function faultOfList(schema: z.ZodArray, raw: readonly unknown[], path: Path): FieldError | null {
  const limit = mostElements(schema) ?? most.elements
  if (raw.length > limit) return tooMany(path, 'elements', limit)
  return firstFault(raw.entries(), ([at, one]) => faultOfSize(schema.element, one, [...path, at]))
}

/** The limit of the schema itself. */
function mostElements({ def }: z.ZodArray): number | undefined {
  const limits = (def.checks ?? []).flatMap(({ _zod }) =>
    _zod.def.check === 'max_length' && 'maximum' in _zod.def ? [Number(_zod.def.maximum)] : [],
  )
  return limits.length > 0 ? Math.min(...limits) : undefined
}

/** The schema inside the wrappers that make a value optional. */
export function required(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
    ? required(schema.unwrap())
    : schema
}

/** Likewise; of a transforming schema, the part that validates. */
function looking(schema: z.core.$ZodType): z.core.$ZodType {
  const inner = required(schema)
  if (!(inner instanceof z.ZodPipe)) return inner
  return looking(inner.in instanceof z.ZodTransform ? inner.out : inner.in)
}

function firstFault<T>(some: Iterable<T>, faultOf: (one: T) => FieldError | null): FieldError | null {
  for (const one of some) {
    const fault = faultOf(one)
    if (fault) return fault
  }
  return null
}

const tooMany = (path: Path, what: string, limit: number): FieldError => ({
  path: pointer(path),
  message: `must have at most ${limit} ${what}`,
})
