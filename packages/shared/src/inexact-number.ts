/** A number in a JSON text that would not come out as it went in. `path`: keys and positions on the way to it. */
export type InexactNumber = { path: string[]; literal: string }

/**
 * The first number of a JSON text that JavaScript cannot hold: an integer whose digits would change (all up to 2^53 are
 * exact, RFC 8259 section 6), or one beyond the largest double. Fractions are rounded as everywhere, and are no fault.
 * The text must be valid JSON, and its depth is that of the call stack: 100 levels are no matter, 100,000 throw a `RangeError`.
 */
export function inexactNumberIn(text: string): InexactNumber | null {
  if (!mayBeInexact.test(text)) return null
  const path: string[] = []
  let literal: string | undefined
  let at: unknown
  // Values come after what is in them: so the way to the first find is met from its end.
  JSON.parse(text, function (this: unknown, key: string, value: unknown, context?: { source?: string }) {
    const source = context?.source ?? String(value)
    if (literal === undefined && typeof value === 'number' && isInexactNumber(value, source)) {
      literal = source
      at = value
    }
    if (literal !== undefined && value === at) {
      path.unshift(key)
      at = this
    }
    return value
  })
  // The outermost key is that of the parser's own holder.
  return literal === undefined ? null : { path: path.slice(1), literal }
}

/** What to tell of it. */
export const inexactNumberFault = (literal: string): string =>
  `${literal.length > 40 ? `${literal.slice(0, 40)}…` : literal} ${
    /^-?\d+$/.test(literal) && literal.length < 300
      ? 'is an integer beyond 2^53 and would change; write it as a string'
      : 'is larger than a double can hold; write it as a string'
  }`

/** Sixteen digits in a row or an exponent of three: no other text can hold such a number. */
const mayBeInexact = /\d{16}|\d[eE]\+?\d{3}/

/** Whether a number is another than its digits say. */
export const isInexactNumber = (value: number, source: string): boolean =>
  !Number.isFinite(value) ||
  (!Number.isSafeInteger(value) && /^-?\d+$/.test(source) && String(value) !== source)
