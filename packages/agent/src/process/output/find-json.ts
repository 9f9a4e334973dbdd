import { type PythonJson, parsePythonJson } from '../../text/python-json.ts'

/** An object inside a text, alone or among other words. */
export type FoundJson = PythonJson & { text: string; isAlone: boolean }

/** How many braces of one line to examine: text with more of them contains no result. */
const mostStarts = 20

/**
 * The JSON objects of a line: the whole line, or objects between the words of other prints. `open` is
 * the beginning of an object that does not end in this line.
 */
export function objectsIn(line: string): { found: FoundJson[]; open: string | null } {
  const text = withoutEscapes(line)
  const whole = text.startsWith('{') && text.endsWith('}') ? parsePythonJson(text) : null
  if (whole) return { found: [{ ...whole, text, isAlone: true }], open: null }
  const found: FoundJson[] = []
  let open: string | null = null
  const start = /\{\s*(?="|$)/g
  for (let tries = 0; tries < mostStarts; tries += 1) {
    const index = start.exec(text)?.index
    if (index === undefined) break
    const end = new Nesting().read(text, index)
    if (end === null) {
      open ??= text.slice(index)
      start.lastIndex = index + 1
      continue
    }
    start.lastIndex = end
    const inside = text.slice(index, end)
    const parsed = parsePythonJson(inside)
    if (parsed) found.push({ ...parsed, text: inside, isAlone: inside === text })
  }
  return { found, open }
}

/** Removes the colours and control characters of a terminal, which JSON never starts or ends with. */
export function withoutEscapes(line: string): string {
  const text = line.includes('\x1b') ? line.replace(escapes, '') : line
  return text.replace(controlsBefore, '').replace(controlsAfter, '')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const escapes = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlsBefore = /^[\x00-\x20\x7f-\xa0\ufeff]+/
// The lookbehind keeps the time linear: a long run of blanks inside the line is tested once, not from each of its characters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlsAfter = /(?<![\x00-\x20\x7f-\xa0\ufeff])[\x00-\x20\x7f-\xa0\ufeff]+$/

/** Follows the brackets of JSON that may span several lines. */
export class Nesting {
  #depth = 0

  /** Returns where the outermost bracket closes; `null` until then. */
  read(text: string, from = 0): number | null {
    for (let at = from; at < text.length; at += 1) {
      const char = text.charCodeAt(at)
      if (char === quote) {
        at = endOfString(text, at)
        if (at === -1) return null
      } else if (char === 0x7b || char === 0x5b) this.#depth += 1
      else if (char === 0x7d || char === 0x5d) {
        this.#depth -= 1
        if (this.#depth === 0) return at + 1
      }
    }
    return null
  }
}

const quote = 0x22

/** The index of the quote that ends a string; -1 when the text ends first. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (text[end - 1 - slashes] === '\\') slashes += 1
    if (slashes % 2 === 0) return end
  }
  return -1
}
