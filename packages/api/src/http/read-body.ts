import { isUtf8 } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import { depthOver, halfPairAt, halfPairFault, inexactNumberFault, inexactNumberIn } from '@millrace/shared'
import { turns } from '../concurrency/turns.ts'
import { Failure, type FieldError } from '../failure.ts'
import { pointer } from '../pointer.ts'
import type { Body, Ctx } from './env.ts'
import { type FaultIn, parseJsonInTurns, refused } from './parse-json.ts'

const deepest = 100
/** Shorter text is parsed in one step. */
const shortChars = 64 * 1024

/** The body as JSON. Reads it once; later calls return the same value. An absent body is an empty object. */
export function readBody(c: Ctx): Promise<Body> {
  const known = c.get('body')
  if (known) return known
  const body = read(c)
  c.set('body', body)
  return body
}

async function read(c: Ctx): Promise<Body> {
  const text = decode(await c.req.arrayBuffer())
  if (text.trim() === '') return { value: {}, chars: 0 }
  const type = c.req.header('content-type') ?? ''
  if (!/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new Failure(
      'unsupported_media_type',
      `Send JSON with "Content-Type: application/json"${type ? `, not ${type}` : ''}.`,
    )
  }
  return { value: await parse(text, isOfAgent(c) ? changedNumber : changedNumberOrText), chars: text.length }
}

/** An older agent may pass on its module's output unchecked; a rejected report would lose the run. */
const isOfAgent = (c: Ctx): boolean => c.req.path.startsWith('/agent/')

function decode(bytes: ArrayBuffer): string {
  if (!isUtf8(bytes)) throw new Failure('invalid_json', 'The body is not UTF-8. Send JSON as UTF-8.')
  return Buffer.from(bytes)
    .toString()
    .replace(/^\uFEFF/, '')
}

async function parse(text: string, faultIn: FaultIn): Promise<unknown> {
  try {
    if (text.length > shortChars) {
      // Reading the body took one turn; other requests get theirs before and after the parsing.
      await setImmediate()
      const value = await parseJsonInTurns(text, turns(), faultIn)
      await setImmediate()
      return value
    }
    const value: unknown = JSON.parse(text)
    if (depthOver(value, deepest))
      throw new Failure('invalid_request', `The body is nested more than ${deepest} levels deep.`)
    const fault = faultIn(value, text, true)
    if (fault) throw refused(fault)
    return value
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(
      'invalid_json',
      `The body is not valid JSON: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    )
  }
}

/** The API stores and returns exactly the numbers it received, or rejects them. */
function changedNumber(_: unknown, text: string, hasOddNumber: boolean): FieldError | null {
  const found = hasOddNumber ? inexactNumberIn(text) : null
  return found && { path: pointer(found.path), message: inexactNumberFault(found.literal) }
}

function changedNumberOrText(value: unknown, text: string, hasOddNumber: boolean): FieldError | null {
  const place = halfPairFault(value, text) === null ? null : halfPairAt(value)
  if (place === null) return changedNumber(value, text, hasOddNumber)
  const message =
    'has half a surrogate pair, which is no character: send whole characters, or bytes as a file'
  return { path: place, message }
}
