/** The fault of a text that is not JSON, with its line; V8 reports the place for most faults, not all. */
export function jsonFault(text: string): string | null {
  const said = parseError(text)
  if (said === null) return null
  const [, fault, place] = /^(.*?)(?: in JSON)? at position \d+ (\(line \d+ column \d+\))$/s.exec(said) ?? []
  if (fault && place) return `${fault} ${place}`
  const [, token] = /^Unexpected token '([^']+)'/u.exec(said) ?? []
  if (!token) return said
  return `Unexpected ${token === '\n' ? 'end of line' : token} ${placeOf(text, firstUnexpected(text))}`
}

/** The offset of the unexpected token: a text cut before it is merely incomplete. */
function firstUnexpected(text: string): number {
  let from = 0
  let to = text.length
  while (from < to) {
    const middle = Math.floor((from + to) / 2)
    if (parseError(text.slice(0, middle))?.startsWith('Unexpected token')) to = middle
    else from = middle + 1
  }
  return from - 1
}

function placeOf(text: string, at: number): string {
  const before = text.slice(0, at).split('\n')
  return `(line ${before.length} column ${(before.at(-1)?.length ?? 0) + 1})`
}

function parseError(text: string): string | null {
  try {
    JSON.parse(text)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
