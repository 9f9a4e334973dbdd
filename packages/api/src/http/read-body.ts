import { depthOver } from '@millrace/shared'
import { Failure } from '../failure.ts'
import { turns } from '../turns.ts'
import type { Ctx } from './env.ts'
import { parseJsonInTurns } from './parse-json.ts'

const deepest = 100
/** Shorter text is parsed at once. */
const shortChars = 64 * 1024

export type Body = { value: unknown; chars: number }

/** The body as JSON. Read once; whoever asks again gets the same. An absent body is an empty object. */
export function readBody(c: Ctx): Promise<Body> {
  const known = c.get('body')
  if (known) return known
  const body = read(c)
  c.set('body', body)
  return body
}

async function read(c: Ctx): Promise<Body> {
  const text = await c.req.text()
  if (text.trim() === '') return { value: {}, chars: 0 }
  const type = c.req.header('content-type') ?? ''
  if (!/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new Failure(
      'unsupported_media_type',
      `Send JSON with "Content-Type: application/json"${type ? `, not ${type}` : ''}.`,
    )
  }
  return { value: await parse(text), chars: text.length }
}

async function parse(text: string): Promise<unknown> {
  try {
    if (text.length > shortChars) return await parseJsonInTurns(text, turns())
    const value: unknown = JSON.parse(text)
    if (!depthOver(value, deepest)) return value
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(
      'invalid_json',
      `The body is not valid JSON: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    )
  }
  throw new Failure('invalid_request', `The body is nested more than ${deepest} levels deep.`)
}
