import { depthOver, type Json } from '@millrace/shared/for-agents'

/** What a text says, and the places (`/outputs/score`) where Python printed NaN or Infinity. */
export type PythonJson = { value: Json; notNumbers: string[] }

/** So deep nobody nests by intent, and the walk below still finds its way back. */
const deepest = 1000

/** Reads JSON as Python's `json` module prints it, which includes bare NaN and Infinity; `null` if it is not JSON. */
export function parsePythonJson(text: string): PythonJson | null {
  const strict = parse(text)
  if (strict.parsed) return { value: strict.value, notNumbers: [] }
  if (!/NaN|Infinity/.test(text)) return null
  const marked = parse(text.replace(stringOrNotNumber, (found) => (found.startsWith('"') ? found : standIn)))
  if (!marked.parsed || depthOver(marked.value, deepest)) return null
  const notNumbers: string[] = []
  const value = withoutStandIns(marked.value, '', notNumbers)
  return { value, notNumbers }
}

const stringOrNotNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN/g
const standIn = '"\\u0000not a number\\u0000"'
const standInValue = '\0not a number\0'

function parse(text: string): { parsed: true; value: Json } | { parsed: false } {
  try {
    const value: Json = JSON.parse(text)
    return { parsed: true, value }
  } catch {
    return { parsed: false }
  }
}

function withoutStandIns(value: Json, place: string, found: string[]): Json {
  if (value === standInValue) {
    found.push(place === '' ? '/' : place)
    return null
  }
  if (Array.isArray(value)) return value.map((item, at) => withoutStandIns(item, `${place}/${at}`, found))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withoutStandIns(item, `${place}/${key}`, found)]),
  )
}
