import { halfPairFault, type Json } from '@millrace/shared/for-agents'
import { notNumbersFault, parsePythonJson } from './python-json.ts'

/** Parses JSON from other programs; a value that cannot be kept exactly is a fault with its place. */
export function readJson(text: string): { value: Json } | { fault: string } {
  const read = parsePythonJson(text)
  if (!read) return { fault: 'is not valid JSON' }
  if (read.notNumbers.length > 0) return { fault: notNumbersFault(read) }
  const fault = halfPairFault(read.value, text)
  return fault === null ? { value: read.value } : { fault }
}
