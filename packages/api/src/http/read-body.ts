import { depthOver, inexactNumberFault, inexactNumberIn } from '@millrace/shared'
import { Failure } from '../failure.ts'
import { pointer } from '../pointer.ts'
import type { Ctx } from './env.ts'

const deepest = 100

/** The body as JSON. Read once; whoever asks again gets the same. An absent body is an empty object. */
export async function readBody(c: Ctx): Promise<unknown> {
  const text = await c.req.text()
  if (text.trim() === '') return {}
  const type = c.req.header('content-type') ?? ''
  if (!/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new Failure(
      'unsupported_media_type',
      `Send JSON with "Content-Type: application/json"${type ? `, not ${type}` : ''}.`,
    )
  }
  const body = parseJson(text)
  if (depthOver(body, deepest))
    throw new Failure('invalid_request', `The body is nested more than ${deepest} levels deep.`)
  refuseInexactNumbers(text)
  return body
}

/** What is kept and handed on is what was sent, or nothing is. */
function refuseInexactNumbers(text: string): void {
  const found = inexactNumberIn(text)
  if (!found) return
  const path = pointer(found.path)
  const message = inexactNumberFault(found.literal)
  throw new Failure('invalid_request', `The body is not valid: ${path || 'it'}: ${message}.`, {
    errors: [{ path, message }],
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Failure(
      'invalid_json',
      `The body is not valid JSON: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    )
  }
}
