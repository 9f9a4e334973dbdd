import type { turns } from '../concurrency/turns.ts'
import { Failure, type FieldError } from '../failure.ts'
import { pointer } from '../pointer.ts'

/** The most text for one `JSON.parse`: a few milliseconds for any content. */
const sliceChars = 96 * 1024
const most = {
  /** The innermost level must be empty, as for shorter bodies. */
  levels: 101,
  /** Elements and members of a whole body, and members of one object: distinct names cost most. */
  values: 1_000_000,
  members: 100_000,
}

/**
 * A fault of a value that is valid JSON, with its place; `text` is its source. Without an odd number, no number has more
 * than fifteen digits or an exponent.
 */
export type FaultIn = (value: unknown, text: string, hasOddNumber: boolean) => FieldError | null
type Check = (value: unknown, text: string) => FieldError | null
type Source = { text: string; check: Check }

/** An object or list whose end has not been reached. */
type Open = {
  isList: boolean
  start: number
  /** `made` contains the text before this position. */
  from: number
  lastComma: number
  members: number
  /** `null` while it is short: then `JSON.parse` gets it together with the text around it. */
  made: unknown[] | Record<string, unknown> | null
  /** The last element is attached as a value; only a comma or the end may follow. */
  isAttached: boolean
}

/**
 * Returns the result of `JSON.parse` for a text that would otherwise delay all other requests. One pass finds the commas
 * and brackets; `JSON.parse` gets slices between commas, and other requests get their turn between slices.
 */
export async function parseJsonInTurns(
  text: string,
  turn: ReturnType<typeof turns>,
  faultIn: FaultIn = () => null,
): Promise<unknown> {
  const open: Open[] = []
  let digits = 0
  let hasOddNumber = false
  const check: Check = (value, part) => faultIn(value, part, hasOddNumber)
  const source: Source = { text, check }
  const parseWhole = () => {
    const value: unknown = JSON.parse(text)
    const fault = check(value, text)
    if (fault) throw refused(fault)
    return value
  }
  let values = 0
  let nextTurn = sliceChars
  for (let at = 0; at < text.length; at += 1) {
    if (at > nextTurn) {
      nextTurn = at + sliceChars
      await turn()
    }
    const char = text[at]
    const inner = open.at(-1)
    if (digits > 15 || (digits > 0 && (char === 'e' || char === 'E'))) hasOddNumber = true
    digits = isDigit(char) ? digits + 1 : 0
    if (char === '"') at = endOfString(text, at)
    else if (char === '{' || char === '[') {
      if (open.length === 0 && !isBlank(text, 0, at)) throw invalid(at)
      open.push({ ...blank, isList: char === '[', start: at, from: at + 1, lastComma: at })
      if (open.length > most.levels) throw tooMuch(`is nested more than 100 levels deep`)
      values += 1
    } else if (char === ',' && inner) {
      values += 1
      inner.members += 1
      if (!inner.isList && inner.members >= most.members)
        throw tooMuch(`has an object with more than ${most.members} members`)
      if (at - inner.from > sliceChars || inner.isAttached) take(source, open, at)
      inner.lastComma = at
    } else if ((char === '}' || char === ']') && inner) {
      open.pop()
      const outer = open.at(-1)
      if (inner.made) {
        if ((char === ']') !== inner.isList) throw invalid(at)
        take(source, [...open, inner], at)
        if (outer) attach(source, open, inner, at)
      }
      if (outer) continue
      if (!isBlank(text, at + 1, text.length)) throw invalid(at + 1)
      return inner.made ?? parseWhole()
    }
    if (values > most.values) throw tooMuch(`has more than ${most.values} values`)
  }
  return parseWhole() // one string or number, or not JSON
}

const blank = { members: 0, made: null, isAttached: false }

/** Parses the elements before `end` into the last of `open`; the others contain it, outermost first. */
function take({ text, check }: Source, open: readonly Open[], end: number): void {
  const one = open.at(-1)
  if (!one) return
  const slice = text.slice(one.from, end)
  if (one.isAttached) {
    if (slice.trim() !== '') throw invalid(one.from)
  } else {
    const whole = one.isList ? `[${slice}]` : `{${slice}}`
    const some: unknown[] | Record<string, unknown> = JSON.parse(whole)
    const fault = check(some, whole)
    if (fault) throw refused({ ...fault, path: placeOf(text, open, fault.path) })
    if (Object.keys(some).length === 0) throw invalid(end)
    add(one, some)
  }
  one.from = end + 1
  one.isAttached = false
}

/** Adds a separately parsed element, and the elements before it, to the last of `open`. */
function attach(source: Source, open: readonly Open[], inner: Open, end: number): void {
  const outer = open.at(-1)
  if (!outer) return
  const { text, check } = source
  if (outer.isAttached) throw invalid(inner.start)
  if (outer.lastComma >= outer.from) take(source, open, outer.lastComma)
  const before = text.slice(Math.max(outer.from, outer.lastComma + 1), inner.start)
  if (outer.isList) {
    if (before.trim() !== '') throw invalid(inner.start)
    add(outer, [inner.made])
  } else {
    const named: Record<string, unknown> = JSON.parse(`{${before}0}`)
    const [name, ...more] = Object.keys(named)
    if (name === undefined || more.length > 0) throw invalid(inner.start)
    const fault = check(named, before)
    if (fault) throw refused({ ...fault, path: placeOf(text, open, fault.path) })
    add(outer, Object.defineProperty(named, name, { ...own, value: inner.made }))
  }
  outer.from = end + 1
  outer.isAttached = true
}

const own = { enumerable: true, writable: true, configurable: true }

function add(one: Open, some: unknown[] | Record<string, unknown>): void {
  one.made ??= one.isList ? [] : {}
  const { made } = one
  if (Array.isArray(made) && Array.isArray(some)) {
    for (const element of some) made.push(element)
    return
  }
  for (const [name, value] of Object.entries(some)) {
    if (name === '__proto__') Object.defineProperty(made, name, { ...own, value })
    else Object.assign(made, { [name]: value })
  }
}

/** The place of a slice's fault in the whole body: the path to the slice's container, then the path in the slice. */
function placeOf(text: string, open: readonly Open[], inSlice: string): string {
  const steps = open.slice(1).map((inner, at) => stepTo(text, open[at] ?? inner, inner))
  const one = open.at(-1)
  const before = Array.isArray(one?.made) ? one.made.length : 0
  const [, first = '', rest = ''] = /^\/([^/]*)(.*)$/.exec(inSlice) ?? []
  return `${pointer(steps)}/${one?.isList ? before + Number(first) : first}${rest}`
}

/** The name or position of an unfinished object or list in its container. */
function stepTo(text: string, outer: Open, inner: Open): string {
  if (outer.isList) return String(outer.members)
  const named: Record<string, unknown> = JSON.parse(`{${text.slice(outer.lastComma + 1, inner.start)}0}`)
  return Object.keys(named)[0] ?? ''
}

/** The closing quote: the first that follows an even number of backslashes. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let escapes = 0
    while (text[at - 1 - escapes] === '\\') escapes += 1
    if (escapes % 2 === 0) return at
  }
  throw invalid(text.length)
}

const isDigit = (char: string | undefined): boolean => char !== undefined && char >= '0' && char <= '9'

const isBlank = (text: string, from: number, to: number): boolean => !/[^ \t\n\r]/.test(text.slice(from, to))

const invalid = (at: number): SyntaxError => new SyntaxError(`unexpected text at character ${at}`)
export const refused = (fault: FieldError): Failure =>
  new Failure('invalid_request', `The body is not valid: ${fault.path || 'it'}: ${fault.message}.`, {
    errors: [fault],
  })
const tooMuch = (what: string): Failure =>
  new Failure('invalid_request', `The body ${what}. Upload large values as files, or split the request.`)
