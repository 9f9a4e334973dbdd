import type { Json, Progress } from '@millrace/shared/for-agents'
import { objectsIn } from '../process/output/find-json.ts'
import { progressFrom } from '../process/output/parse-output.ts'
import type { PythonJson } from '../text/python-json.ts'

/** A message of a process in serve mode, one JSON object per line. */
export type Said =
  | { type: 'ready' }
  | { type: 'pong' }
  | { type: 'log'; id: string | null; line: string }
  | { type: 'progress'; id: string | null; progress: Progress }
  | { type: 'done'; id: string; result: PythonJson }
  | { type: 'failed'; id: string; error: Json | undefined }
  | { type: 'cancelled'; id: string }

/** `null` for a line that is no message but log. The output of another print may precede a message. */
export function messageIn(text: string): Said | null {
  if (!text.includes('"type"')) return null
  for (const { isAlone, ...parsed } of objectsIn(text).found) {
    const said = messageOf(parsed)
    if (said && (isAlone || (said.type !== 'log' && said.type !== 'progress'))) return said
  }
  return null
}

function messageOf(read: PythonJson): Said | null {
  const { value: message } = read
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return null
  const { type, id } = message
  if (type === 'ready' || type === 'pong') return { type }
  if (type === 'log')
    return typeof message.line === 'string' ? { type, id: idOf(id), line: message.line } : null
  if (type === 'progress')
    return { type, id: idOf(id), progress: progressFrom(message.percent, message.message) }
  if (typeof id !== 'string') return null
  if (type === 'done') return { type, id, result: resultIn(message.result, read) }
  if (type === 'failed') return { type, id, error: message.error }
  return type === 'cancelled' ? { type, id } : null
}

const idOf = (id: Json | undefined): string | null => (typeof id === 'string' ? id : null)

function resultIn(value: Json | undefined, { notNumbers, areTooLarge, changed }: PythonJson): PythonJson {
  const inside = notNumbers.filter((place) => place.startsWith('/result'))
  return {
    value: value ?? null,
    notNumbers: inside.map((place) => place.slice('/result'.length) || '/'),
    areTooLarge,
    changed,
  }
}
