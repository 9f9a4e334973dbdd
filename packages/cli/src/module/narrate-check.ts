import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import type { CheckEvent, Checked, CheckStep, StepReport } from '@millrace/agent'
import { linesOfFailure } from './failure.ts'
import { LiveLine } from './live-line.ts'
import { linesOfOutputs } from './outputs.ts'
import { seconds, shortPath } from './words.ts'

/** Prints a check: a line for each step, the cause of a failure, the outputs at the end. */
export class CheckNarrator {
  readonly #out: WriteStream
  readonly #home: string
  readonly #live: LiveLine

  constructor(out: WriteStream, home: string) {
    this.#out = out
    this.#home = home
    this.#live = new LiveLine(out)
  }

  tell(event: CheckEvent): void {
    if (event.kind === 'waiting') this.say('waiting: another check is going on')
    else if (event.kind === 'began') this.#live.begin((passed) => stepLine('·', event.step, passed, null))
    else if (event.kind === 'progress') this.#live.add(wordsOf(event.progress))
    else this.#ended(event.report)
  }

  /** A remark in between. */
  say(text: string): void {
    this.#print(this.#dim(`  ${text}`))
  }

  conclude(checked: Checked, kept: string | undefined): void {
    if (!checked.good || !checked.module) return
    const outputs = linesOfOutputs(checked.outputs, this.#out.columns ?? 100)
    if (outputs.length > 0) this.#print('', ...outputs)
    this.#print('')
    if (kept !== undefined) this.#print(`The outputs are in ${shortPath(kept)}.`)
    const { name, version } = checked.module
    this.#print(`${this.#paint('green', `${name} ${version} is good.`)}`)
    this.#print(this.#dim(`Environments are kept in ${shortPath(this.#home)} for the next check.`))
  }

  close(): void {
    this.#live.end()
  }

  #ended(report: StepReport): void {
    this.#live.end()
    const mark = report.good ? this.#paint('green', '✓') : this.#paint('red', '✗')
    this.#print(stepLine(mark, report.step, report.seconds, report.note && this.#dim(report.note)))
    for (const warning of report.warnings) this.#print(`  ${this.#paint('yellow', 'warning')} ${warning}`)
    if (report.cause !== null)
      this.#print(
        '',
        ...linesOfFailure(report, { red: (text) => this.#paint('red', text), dim: this.#dim }),
        '',
      )
  }

  #print(...lines: string[]): void {
    this.#live.above(() => {
      for (const line of lines) this.#out.write(`${line}\n`)
    })
  }

  readonly #paint = (colour: 'red' | 'green' | 'yellow', text: string): string =>
    styleText(colour, text, { stream: this.#out })

  readonly #dim = (text: string): string => styleText('dim', text, { stream: this.#out })
}

function stepLine(mark: string, step: CheckStep, passed: number, note: string | null): string {
  return `${mark} ${step.padEnd(12)}${seconds(passed).padStart(8)}${note ? `  ${note}` : ''}`
}

const wordsOf = ({ percent, message }: Extract<CheckEvent, { kind: 'progress' }>['progress']): string =>
  [percent === undefined ? '' : `${percent} %`, message ?? ''].join(' ')
