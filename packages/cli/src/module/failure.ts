import type { StepReport } from '@millrace/agent'
import { commandLine } from './words.ts'

type Paint = { red(text: string): string; dim(text: string): string }
const shownLines = 12

/** Why a step failed: the cause in words, then its command with how it ended and what it printed last. */
export function linesOfFailure({ cause, command }: StepReport, { red, dim }: Paint): string[] {
  const said = (cause ?? '').trimEnd().split('\n')
  const lines = said.map((line) => red(`  ${line}`))
  if (!command) return lines
  lines.push('', `  $ ${commandLine(command.args)}`, `  ${howItEnded(command)}`)
  // What the cause says already is not said again.
  const left = command.lines.filter(
    (line) => line.trim() !== '' && !said.some((one) => one.endsWith(line.trim())),
  )
  return [...lines, ...left.slice(-shownLines).map((line) => `  ${dim('│')} ${line}`)]
}

function howItEnded({ exitCode, signal }: NonNullable<StepReport['command']>): string {
  if (signal) return `ended by ${signal}`
  return exitCode === null ? 'was not started' : `exit code ${exitCode}`
}
