import { depthOver, inexactNumberIn, type Json } from '@millrace/shared/for-agents'

/**
 * The value of a text, and the places (`/outputs/score`) of invalid numbers: NaN and Infinity, which Python prints, and
 * numbers such as 1e400, which every parser reads as Infinity. `changed`: the digits of an integer that parsing would
 * change; then its place is the only one.
 */
export type PythonJson = { value: Json; notNumbers: string[]; areTooLarge?: boolean; changed?: string }

/** Deeper than any intended nesting, and shallow enough for the recursion below. */
const deepest = 1000

/** Reads JSON as Python's `json` module prints it, which includes bare NaN and Infinity; `null` if it is not JSON. */
export function parsePythonJson(text: string): PythonJson | null {
  const strict = parse(text)
  if (strict.parsed) {
    const { value } = strict
    const notNumbers = infiniteNumbers(text, value)
    if (notNumbers.length > 0) return { value, notNumbers, areTooLarge: true }
    const changed = depthOver(value, deepest) ? null : inexactNumberIn(text)
    return changed
      ? { value, notNumbers: [`/${changed.path.join('/')}`], changed: changed.literal }
      : { value, notNumbers }
  }
  if (!/NaN|Infinity/.test(text)) return null
  const marked = parse(text.replace(stringOrNotNumber, (found) => (found.startsWith('"') ? found : standIn)))
  if (!marked.parsed || depthOver(marked.value, deepest)) return null
  const notNumbers: string[] = []
  const value = withoutStandIns(marked.value, '', notNumbers)
  return { value, notNumbers }
}

/** The message for the first few of these places. */
export const notNumbersFault = ({ notNumbers, areTooLarge, changed }: PythonJson): string =>
  `${
    changed
      ? `holds ${changed.slice(0, 40)}, an integer beyond 2^53 that would change (write it as a string),`
      : areTooLarge
        ? 'holds a number that is too large (beyond 1.8e308), which is read as Infinity,'
        : 'holds NaN or Infinity, which JSON does not have,'
  } at ${notNumbers.slice(0, 5).join(', ')}`

/** The places of numbers beyond the range of a double. Checks the text first, since almost none has them. */
function infiniteNumbers(text: string, value: Json): string[] {
  if (!/\d[eE]\+?\d{2}|\d{300}/.test(text) || depthOver(value, deepest)) return []
  const found: string[] = []
  withoutStandIns(value, '', found)
  return found
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
  if (value === standInValue || value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
    found.push(place === '' ? '/' : place)
    return null
  }
  if (Array.isArray(value)) return value.map((item, at) => withoutStandIns(item, `${place}/${at}`, found))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withoutStandIns(item, `${place}/${key}`, found)]),
  )
}
