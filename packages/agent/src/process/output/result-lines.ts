import { type PythonJson, parsePythonJson } from '../../text/python-json.ts'
import { Nesting, objectsIn, withoutEscapes } from './find-json.ts'
import { longestLine, type OutputLine } from './read-lines.ts'
import { anyResult, type ExpectedResult, isWhole, type Shape, shapeOf } from './result-shape.ts'

/** The result in a program's printed output. */
export type Printed = {
  /** It only looks like a result: an exit code other than 0 outranks it. */
  isWeak: boolean
  /** Why it cannot be read. */
  fault: string | null
  /** Remarks for the module's author. */
  notes: string[]
}

export const nothingPrinted: Printed = { isWeak: false, fault: null, notes: [] }

type Candidate = Shape & { text: string; isAlone: boolean; lines: OutputLine[]; isForeign: boolean }

export const tooLong = (what: string) =>
  `${what} is longer than 1 MiB, the limit of a line: write it to result.json in the output folder, ` +
  'or return large values as output files'

/**
 * Finds the result in standard output, line by line: alone on a line, between other words, or over several lines.
 * Lines that are not the result are returned for the log; a candidate as soon as a better one comes.
 */
export class ResultLines {
  readonly #expected: ExpectedResult
  #best: Candidate | null = null
  #results = 0
  #fault: string | null = null
  #open: { nesting: Nesting; text: string; lines: OutputLine[] } | null = null
  #isClosed = false

  constructor(expected: ExpectedResult = anyResult) {
    this.#expected = expected
  }

  /** Takes one line; returns the lines for the log. */
  line(line: OutputLine): OutputLine[] {
    if (this.#isClosed) return [line]
    return this.#open ? this.#continue(line) : this.#begin(line)
  }

  /** The output has ended; returns the lines that were kept as a possible result. */
  end(): OutputLine[] {
    this.#isClosed = true
    return this.#giveUp()
  }

  /** All further lines are log: the agent is ending the program, and its output about that is not a result. */
  close(): void {
    this.#isClosed = true
  }

  get text(): string | null {
    return this.#best?.text ?? null
  }

  /** The program's work is done, judging by its result. */
  get isDone(): boolean {
    return this.#best !== null && isWhole(this.#best, this.#expected)
  }

  /** Whether an unfinished line that has not been passed on is a result. */
  isDoneBy(text: string): boolean {
    const whole = this.#open ? `${this.#open.text}\n${text}` : text
    return this.#candidatesIn({ text: whole, dropped: 0 }).some((one) => isWhole(one, this.#expected))
  }

  get printed(): Printed {
    const notes: string[] = []
    if (this.#results > 1)
      notes.push(`${this.#results} results were printed; one counts, the others are in the log above`)
    if (this.#best && !this.#best.isAlone)
      notes.push('the result was found in a line with other text; print it on a separate line')
    if (this.#best?.isForeign)
      notes.push('the result is not UTF-8; it was read as Windows-1252. Print it as UTF-8 or as ASCII')
    const isWeak = this.#best?.strength === 0 || isQuoted(this.#best)
    return { isWeak, fault: this.#best?.strength === 3 ? null : this.#fault, notes }
  }

  #begin(line: OutputLine): OutputLine[] {
    if (!line.text.includes('{')) return [line]
    if (line.dropped > 0) return this.#beyondLimit(line)
    const candidates = this.#candidatesIn(line)
    if (candidates.length > 0) return candidates.flatMap((one) => this.#offer(one))
    const open = line.text.trimEnd().endsWith('}') ? null : objectsIn(line.text).open
    if (open === null) return [line]
    const nesting = new Nesting()
    nesting.read(open)
    this.#open = { nesting, text: open, lines: [line] }
    return []
  }

  #continue(line: OutputLine): OutputLine[] {
    const open = this.#open
    const text = withoutEscapes(line.text)
    if (!open || line.dropped > 0 || !continues.test(text) || isAnother(text, open.lines))
      return [...this.#giveUp(), ...this.#begin(line)]
    const end = open.nesting.read(text)
    open.text += `\n${text.slice(0, end ?? text.length)}`
    open.lines.push(line)
    if (open.text.length > longestLine) {
      if (saysVerdict.test(open.text)) this.#fault = tooLong('A result on standard output')
      return this.#giveUp()
    }
    if (end === null) return []
    this.#open = null
    const parsed = parsePythonJson(open.text)
    const isAlone = end === text.length && withoutEscapes(open.lines[0]?.text ?? '').startsWith('{')
    const candidate = parsed && this.#candidate(parsed, open.text, isAlone, open.lines)
    return candidate ? this.#offer(candidate) : open.lines
  }

  #giveUp(): OutputLine[] {
    const lines = this.#open?.lines ?? []
    this.#open = null
    return lines
  }

  #beyondLimit(line: OutputLine): OutputLine[] {
    if (looksLikeResult.test(withoutEscapes(line.text.slice(0, 4096))))
      this.#fault = tooLong(`The result (${longestLine + line.dropped} bytes)`)
    return [line]
  }

  #candidatesIn(line: OutputLine): Candidate[] {
    if (!saysVerdict.test(line.text)) return []
    const all = objectsIn(line.text).found.flatMap(
      (found) => this.#candidate(found, found.text, found.isAlone, [line]) ?? [],
    )
    // Two candidates of one line are logged once, with the last of them.
    return all.map((one, at) => (at < all.length - 1 ? { ...one, lines: [] } : one))
  }

  #candidate({ value }: PythonJson, text: string, isAlone: boolean, lines: OutputLine[]): Candidate | null {
    const shape = shapeOf(value, this.#expected)
    // Among other words it is usually a quotation by the program.
    if (!shape || (!isAlone && shape.strength < 2)) return null
    return { ...shape, text, isAlone, lines, isForeign: lines.some((line) => line.isForeign === true) }
  }

  /** Keeps the better candidate; returns the lines of the other. */
  #offer(candidate: Candidate): OutputLine[] {
    if (candidate.strength >= 2) this.#results += 1
    const best = this.#best
    if (best && rank(best) > rank(candidate)) return candidate.lines
    this.#best = candidate
    // An earlier unreadable result no longer matters after a readable one.
    this.#fault = null
    return best?.lines ?? []
  }
}

const rank = ({ strength, isAlone }: Candidate): number => strength * 2 + (isAlone ? 1 : 0)

/** How a line may begin that continues an object of the lines before it. */
const continues = /^(?:["{}[\],:\d-]|true|false|null|NaN|Infinity|$)/
/** An object that stands where the previous line leaves no place for a value is a new one. */
const isAnother = (text: string, before: OutputLine[]): boolean =>
  text.startsWith('{') && !/[[:,]\s*$/.test(before.at(-1)?.text ?? '')
const saysVerdict = /"(?:status|success)"/
const looksLikeResult = /^[^{]{0,1000}\{\s*"(?:status|success|outputs|result)"/

/** A success among other words may belong to another program; the exit code decides. */
const isQuoted = (best: Candidate | null): boolean =>
  best !== null && !best.isAlone && best.verdict === 'success'
