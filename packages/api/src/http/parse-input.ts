import { z } from 'zod'
import { turns } from '../concurrency/turns.ts'
import { Failure, type FieldError, mostFaults } from '../failure.ts'
import { pointer } from '../pointer.ts'
import type { Body } from './env.ts'
import { faultOfSize, required } from './schema-bounds.ts'

/** A shorter body cannot delay other requests, whatever its faults. */
const shortChars = 16 * 1024
const elementsAtOnce = 50

/** Parses the query by its schema, and reports every fault, up to a hundred. */
export function parseQuery<S extends z.ZodType>(schema: S, raw: unknown): z.output<S> {
  const parsed = schema.safeParse(raw)
  if (parsed.success) return parsed.data
  throw refusal('query', parsed.error.issues)
}

/** Parses the body likewise. It checks a long one in steps, between which other requests get their turn. */
export async function parseBody<S extends z.ZodType>(
  schema: S,
  { value, chars }: Body,
): Promise<z.output<S>> {
  if (chars <= shortChars) {
    const parsed = schema.safeParse(value)
    if (parsed.success) return parsed.data
    throw refusal('body', parsed.error.issues)
  }
  const excess = faultOfSize(schema, value)
  if (excess) throw refusalOf('body', [excess])
  const { list, short } = withoutItsList(schema, value)
  const parsed = schema.safeParse(short)
  const issues: z.core.$ZodIssue[] = parsed.success ? [] : parsed.error.issues
  if (!list) {
    if (parsed.success) return parsed.data
    throw refusal('body', issues)
  }
  const elements = await parseInSteps(list, issues)
  if (!parsed.success || issues.length > 0) throw refusal('body', issues)
  return Object.assign(Object(parsed.data), { [list.key]: elements })
}

type List = { key: string; element: z.core.$ZodType; raw: readonly unknown[] }

/** Splits an object into its longest list and a copy with only the first element of that list. */
function withoutItsList(schema: z.core.$ZodType, value: unknown): { list: List | null; short: unknown } {
  const list = longestList(schema, value)
  return { list, short: list ? { ...Object(value), [list.key]: list.raw.slice(0, 1) } : value }
}

/** `null` for a schema that also checks the whole object. */
function longestList(schema: z.core.$ZodType, value: unknown): List | null {
  if (!(schema instanceof z.ZodObject) || schema.def.checks?.length) return null
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null
  const lists = Object.entries<z.core.$ZodType>(schema.shape).flatMap(([key, of]): List[] => {
    const inner = required(of)
    const raw: unknown = Object.hasOwn(value, key) ? value[key as keyof typeof value] : undefined
    if (!(inner instanceof z.ZodArray) || !Array.isArray(raw) || raw.length <= elementsAtOnce) return []
    return [{ key, element: inner.element, raw }]
  })
  return lists.sort((a, b) => b.raw.length - a.raw.length)[0] ?? null
}

async function parseInSteps({ key, element, raw }: List, issues: z.core.$ZodIssue[]): Promise<unknown[]> {
  const turn = turns()
  const elements: unknown[] = []
  // The first element was already checked with the rest of the object.
  const known = issues.some(({ path }) => path[0] === key)
  for (const [at, one] of raw.entries()) {
    if (at % elementsAtOnce === 0) await turn()
    const parsed = z.core.safeParse(element, one)
    if (parsed.success) elements.push(parsed.data)
    else if (at > 0 || !known)
      issues.push(...parsed.error.issues.map((issue) => ({ ...issue, path: [key, at, ...issue.path] })))
    if (issues.length >= mostFaults) return elements
  }
  return elements
}

function refusal(what: 'query' | 'body', issues: readonly z.core.$ZodIssue[]): Failure {
  const faults: FieldError[] = []
  for (const issue of issues) {
    for (const { path, message } of flatten(issue)) faults.push({ path: pointer(path), message })
    if (faults.length > mostFaults) break
  }
  return refusalOf(what, faults)
}

function refusalOf(what: 'query' | 'body', errors: FieldError[]): Failure {
  const detail = errors
    .slice(0, mostFaults)
    .map(({ path, message }) => `${path || 'it'}: ${message}`)
    .join('; ')
  return new Failure('invalid_request', `The ${what} is not valid: ${detail}.`, { errors })
}

type Issue = Pick<z.core.$ZodIssue, 'path' | 'message'>

/** When no alternative of a union matches, the nearest one gives the most useful fault. */
function flatten(issue: z.core.$ZodIssue): Issue[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .slice(0, mostFaults + 1)
      .map((key) => ({ path: [...issue.path, key], message: 'is not a known field' }))
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue]
  const nearest = issue.errors
    .map((errors) => errors.slice(0, mostFaults + 1).flatMap(flatten))
    .sort((a, b) => missingAtTop(a) - missingAtTop(b) || a.length - b.length)[0]
  return (nearest ?? []).map((inner) => ({ path: [...issue.path, ...inner.path], message: inner.message }))
}

const missingAtTop = (issues: Issue[]): number => issues.filter((issue) => issue.path.length <= 1).length
