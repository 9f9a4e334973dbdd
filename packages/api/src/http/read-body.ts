import { depthOver, halfPairAt, halfPairFault, inexactNumberFault, inexactNumberIn } from '@millrace/shared'
import { Failure } from '../failure.ts'
import { pointer } from '../pointer.ts'
import type { Ctx } from './env.ts'

const deepest = 100

/** The body as JSON. Read once; whoever asks again gets the same. An absent body is an empty object. */
export async function readBody(c: Ctx): Promise<unknown> {
  const text = decode(await c.req.arrayBuffer())
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
  const halfPair = isOfAgent(c) ? null : halfPairFault(body, text)
  if (halfPair !== null) {
    const errors = [{ path: halfPairAt(body) ?? '', message: 'has half a surrogate pair' }]
    throw new Failure('invalid_request', `The body ${halfPair}.`, { errors })
  }
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

/** An agent of an earlier version may pass on what its module gave; to refuse its report would lose the run. */
const isOfAgent = (c: Ctx): boolean => c.req.path.startsWith('/agent/')

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: ArrayBuffer): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new Failure('invalid_json', 'The body is not UTF-8. Send JSON as UTF-8.', { cause: error })
  }
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
