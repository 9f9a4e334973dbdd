import { z } from 'zod'

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/**
 * Any JSON value, as users send and modules return it. It passes unchanged; a schema that rebuilt it would drop
 * keys such as `__proto__`.
 */
export const Json = z.custom<Json>(isJson, 'must be JSON without numbers beyond the range of a double')

/** Size of a value on the wire: bytes of its UTF-8 JSON text. */
export const jsonBytes = (value: unknown): number =>
  new TextEncoder().encode(JSON.stringify(value) ?? '').length

/** Without recursion, so that depth does not matter. */
function isJson(value: unknown): value is Json {
  const left: object[] = []
  const isPart = (one: unknown): boolean => {
    if (typeof one === 'object' && one !== null) left.push(one)
    else return one === null || typeof one === 'string' || typeof one === 'boolean' || Number.isFinite(one)
    return true
  }
  if (!isPart(value)) return false
  for (let one = left.pop(); one; one = left.pop())
    for (const inner of Array.isArray(one) ? one : Object.values(one)) if (!isPart(inner)) return false
  return true
}

/** Whether a value is nested deeper than the limit; a value in a list is one level down. Also without recursion. */
export function depthOver(value: unknown, limit: number): boolean {
  let level = objectsAmong([value])
  for (let depth = 0; level.length > 0; depth += 1) {
    const inside = level.map((one) => Object.values(one))
    if (depth === limit) return inside.some((values) => values.length > 0)
    level = inside.flatMap(objectsAmong)
  }
  return false
}

const objectsAmong = (values: unknown[]) => values.filter((one) => typeof one === 'object' && one !== null)

/** An escape that may be half of a surrogate pair. Decoded text cannot contain a half in another form. */
const halfEscape = /\\u[dD][89a-fA-F]/

/**
 * Reports where a value has half a surrogate pair (`"\ud800"`), in a string or a key; `null` when it has none. UTF-8
 * cannot encode one: some programs keep it, others replace it. The JSON text, if given, saves walking most values.
 */
export function halfPairFault(value: unknown, text?: string): string | null {
  if (text === undefined ? isWhole(value) : !halfEscape.test(text)) return null
  const place = halfPairAt(value)
  return place === null
    ? null
    : `has half a surrogate pair, which is no character, at ${place || '/'}: send whole characters, or bytes as a file`
}

/** The place of the first half, as a JSON pointer. */
export function halfPairAt(value: unknown): string | null {
  const left: [place: string, value: unknown][] = [['', value]]
  for (let next = left.pop(); next; next = left.pop()) {
    const [place, one] = next
    if (typeof one === 'string' && !one.isWellFormed()) return place
    if (typeof one !== 'object' || one === null) continue
    for (const [key, inner] of Object.entries(one)) {
      const inside = `${place}/${key.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')}`
      if (!key.isWellFormed()) return inside
      if (typeof inner === 'string' || typeof inner === 'object') left.push([inside, inner])
    }
  }
  return null
}

/** The same check without the place, which is cheaper. */
function isWhole(value: unknown): boolean {
  const left = [value]
  while (left.length > 0) {
    const one = left.pop()
    if (typeof one === 'string' && !one.isWellFormed()) return false
    if (typeof one !== 'object' || one === null) continue
    if (!Array.isArray(one) && !Object.keys(one).every((key) => key.isWellFormed())) return false
    for (const inner of Object.values(one)) if (typeof inner !== 'number') left.push(inner)
  }
  return true
}
