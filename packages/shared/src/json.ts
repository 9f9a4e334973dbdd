import { z } from 'zod'

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/**
 * Any JSON value, as users send and modules return it. It passes as it is: a schema that rebuilt it would drop
 * keys such as `__proto__`.
 */
export const Json = z.custom<Json>(isJson, 'must be JSON: no number is larger than a double can hold')

/** Size of a value as it travels: bytes of its UTF-8 JSON text. */
export const jsonBytes = (value: unknown): number =>
  new TextEncoder().encode(JSON.stringify(value) ?? '').length

/** Without recursion, whatever the depth. */
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

/** Whether a value is nested more than so many levels deep; one in a list is one level down. Without recursion, too. */
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
