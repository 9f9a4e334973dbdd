/** A number in a JSON text that parsing would change. `path`: the keys and positions that lead to it. */
export type InexactNumber = { path: string[]; literal: string }

/**
 * The first number of a JSON text that JavaScript cannot represent: an integer whose digits would change (all up to 2^53
 * are exact, RFC 8259 section 6), or a number beyond the largest double. Rounded fractions are allowed, as in any parser.
 * The text must be valid JSON. The parser recurses: 100 levels are fine, 100,000 throw a `RangeError`.
 */
export function inexactNumberIn(text: string): InexactNumber | null {
  if (!mayBeInexact.test(text)) return null
  const path: string[] = []
  let literal: string | undefined
  let at: unknown
  // The reviver visits a value after its members, so it builds the path to the first find from the end.
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
  // The outermost key belongs to the parser's wrapper object.
  return literal === undefined ? null : { path: path.slice(1), literal }
}

/** The fault, in words that can follow its place. */
export const inexactNumberFault = (literal: string): string =>
  `${literal.length > 40 ? `${literal.slice(0, 40)}…` : literal} ${
    /^-?\d+$/.test(literal) && literal.length < 300
      ? 'is an integer beyond 2^53 and would change; write it as a string'
      : 'exceeds the range of a double; write it as a string'
  }`

/** Sixteen digits in a row, or an exponent of three: no other text can contain such a number. */
const mayBeInexact = /\d{16}|\d[eE]\+?\d{3}/

/** Whether a number differs from its digits in the text. */
export const isInexactNumber = (value: number, source: string): boolean =>
  !Number.isFinite(value) ||
  (!Number.isSafeInteger(value) && /^-?\d+$/.test(source) && String(value) !== source)
