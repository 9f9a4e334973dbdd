import type { Json } from './json.ts'
import type { Port } from './manifest.ts'

/**
 * Checks one plain value (not an array of a `multiple` port) against its declaration.
 * Returns the fault, in words that can follow the port's name, or `null`.
 */
export function faultOfValue(port: Port, value: Json): string | null {
  return faultOfKind(port, value) ?? faultOfChoice(port, value) ?? faultOfRange(port, value)
}

function faultOfKind(port: Port, value: Json): string | null {
  switch (port.type) {
    case 'text':
      return typeof value === 'string' ? null : `must be text, not ${kindOf(value)}`
    case 'boolean':
      return typeof value === 'boolean' ? null : `must be true or false, not ${kindOf(value)}`
    case 'number':
      if (typeof value !== 'number') return `must be a number, not ${kindOf(value)}`
      return port.integer && !Number.isInteger(value) ? 'must be a whole number' : null
    case 'json':
      return null
    case 'file':
      return typeof value === 'string' ? null : `must be a file, not ${kindOf(value)}`
  }
}

function faultOfChoice(port: Port, value: Json): string | null {
  if (!port.enum) return null
  const wanted = JSON.stringify(value)
  const known = port.enum.map((choice) => JSON.stringify(choice))
  return known.includes(wanted) ? null : `must be one of ${known.join(', ')}`
}

function faultOfRange(port: Port, value: Json): string | null {
  if (typeof value !== 'number') return null
  if (port.min !== undefined && value < port.min) return `must be at least ${port.min}`
  if (port.max !== undefined && value > port.max) return `must be at most ${port.max}`
  return null
}

function kindOf(value: Json): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
