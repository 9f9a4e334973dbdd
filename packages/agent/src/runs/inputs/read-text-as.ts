import type { Json, Port } from '@millrace/shared/for-agents'
import { decodeText, remedyOfCharset } from '../../text/decode-text.ts'
import { readJson } from '../../text/strict-json.ts'

/** The bytes of a text file as the value of an input: the text itself, or the JSON in it. */
export function readTextAs(
  { type }: Pick<Port, 'type'>,
  bytes: Uint8Array,
  contentType: string,
): { value: Json } | { fault: string } {
  const decoded = decodeText(bytes, contentType)
  if ('fault' in decoded) return { fault: `${decoded.fault}; ${remedyOfCharset}` }
  if (type === 'text') return { value: decoded.text }
  return readJson(decoded.text)
}
