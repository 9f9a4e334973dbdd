import type { ProcessEnd } from '../../process/run-process.ts'
import { causeOfInstall } from './install-causes.ts'

/** Why an installation failed, as text for the dashboard. */
export function faultOfInstall(end: ProcessEnd, timeoutSeconds: number): string {
  if (end.startError) return end.startError
  if (end.stopReason === 'timed_out')
    return `Installing took longer than setup_timeout_seconds (${timeoutSeconds} s)`
  const words = stderrTailOf(end)
  return (
    fullDisk(end.stderrTail) ??
    `${withoutWheel(words) ?? becauseOf(end)}: ${words || `exit code ${end.exitCode}`}`
  )
}

function becauseOf({ stdoutTail, stderrTail }: ProcessEnd): string {
  // pip explains a conflict of versions on standard output.
  const cause = causeOfInstall([...stdoutTail, ...stderrTail].join('\n'))
  return `The requirements cannot be installed${cause ? `: ${cause}` : ''}`
}

/** Rephrases uv's message about a package without wheels. */
function withoutWheel(words: string): string | null {
  const [, source] = /Wheels are required for `([^`]+)`/.exec(words) ?? []
  if (source)
    return `The package ${source} exists only as source code: use a version that has a wheel, or set "allow_builds" in module.json`
  const [, other] = /(\S+?)(?:==\S+)? has no wheels with a matching/.exec(words) ?? []
  if (other)
    return `The package ${other} has no wheel for this Python or system: use another version of it, or name a Python that has one in module.json`
  return null
}

/**
 * Finds a cause that a module's author or user can act on in Python's output: a missing system library or
 * package, a full disk, a syntax error. `null` when the output names none of these.
 */
export function knownCause(stderr: readonly string[]): string | null {
  return missingPart(stderr) ?? fullDisk(stderr) ?? syntaxError(stderr)
}

/** The missing system library or package in Python's output, or `null`. */
export function missingPart(stderr: readonly string[]): string | null {
  for (const line of stderr.toReversed()) {
    const [, library] = /(?:^|[\s:'"])([^\s:'"]+\.so[.\d]*): cannot open shared object file/.exec(line) ?? []
    if (library) return `Missing library ${library.split('/').at(-1)}: install the system package that has it`
    const [, dll] = /DLL load failed while importing (\w+)/.exec(line) ?? []
    if (dll) return `Missing library of ${dll} (a DLL could not be loaded)`
    const [, notFound] = /Library not loaded: (\S+)/.exec(line) ?? []
    if (notFound) return `Missing library ${notFound}`
    const [, module] = /No module named '([^']+)'/.exec(line) ?? []
    if (module) return `Missing Python package ${module}: name it in the requirements`
  }
  return null
}

function fullDisk(stderr: readonly string[]): string | null {
  const [found] = /No space left on device|Disk quota exceeded/.exec(stderr.slice(-15).join('\n')) ?? []
  return found ? `The disk of this machine is full (${found}): free some space and retry` : null
}

/** Python names the file and line some lines above the error. */
function syntaxError(stderr: readonly string[]): string | null {
  const tail = stderr.slice(-6).join('\n')
  const [, file, line, code, error] =
    /File "([^"]+)", line (\d+)\n\s*(.*)\n(?:\s*[~^]+\s*\n)?((?:Syntax|Indentation|Tab)Error: .*)/.exec(
      tail,
    ) ?? []
  return file && error ? `${file.split(/[\\/]/).at(-1)}, line ${line}: ${error}: ${code}` : null
}

/** The most relevant lines of standard error: the error's own, and those that explain it. */
export function stderrTailOf(end: ProcessEnd): string {
  const lines = end.stderrTail.map((line) => line.trimEnd()).filter((line) => line.trim() !== '')
  const error = lines.findLastIndex((line) =>
    /^\s*(?:error|ERROR|fatal)\b|^\s*×|No solution found/.test(line),
  )
  const from = error === -1 ? lines.length - 3 : Math.max(error, lines.length - 12)
  return lines
    .slice(Math.max(0, from))
    .map((line) => line.trim())
    .join('\n')
    .slice(0, 4000)
}
