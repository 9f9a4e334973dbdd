import type { WriteStream } from 'node:tty'

const everyMs = 200
const clear = '\r\u001b[2K'

/** The last line of a terminal, drawn again and again while something goes on. Elsewhere than on a terminal: nothing. */
export class LiveLine {
  readonly #out: WriteStream
  #draw: (() => void) | null = null
  #timer: NodeJS.Timeout | undefined
  #more = ''

  constructor(out: WriteStream) {
    this.#out = out
  }

  /** Shows what `text` says of the seconds that have passed. */
  begin(text: (passed: number) => string): void {
    this.end()
    if (!this.#out.isTTY) return
    const startedAt = performance.now()
    this.#more = ''
    this.#draw = () => {
      const line = `${text((performance.now() - startedAt) / 1000)}  ${this.#more}`
      // One that is wrapped could not be cleared.
      this.#out.write(`${clear}${line.slice(0, (this.#out.columns || 80) - 1).trimEnd()}`)
    }
    this.#draw()
    this.#timer = setInterval(this.#draw, everyMs)
  }

  /** Shows this after it. */
  add(text: string): void {
    this.#more = text.replace(/\s+/g, ' ')
    this.#draw?.()
  }

  /** Lets other lines be written above it. */
  above(write: () => void): void {
    if (this.#draw) this.#out.write(clear)
    write()
    this.#draw?.()
  }

  end(): void {
    clearInterval(this.#timer)
    if (this.#draw) this.#out.write(clear)
    this.#draw = null
  }
}
