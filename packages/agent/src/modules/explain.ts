import type { ProcessEnd } from '../process/run-process.ts'

/** Why an installation failed, in words for the dashboard. */
export function faultOfInstall(end: ProcessEnd, timeoutSeconds: number): string {
  if (end.startError) return end.startError
  if (end.stopReason === 'timed_out')
    return `Installing took longer than setup_timeout_seconds (${timeoutSeconds} s)`
  return `The requirements cannot be installed: ${lastWords(end) || `exit code ${end.exitCode}`}`
}

/**
 * Finds a cause that a module's author or user can act on in what Python wrote: a missing system library or
 * package. `null` when there is none.
 */
export function missingPart(stderr: readonly string[]): string | null {
  for (const line of stderr.toReversed()) {
    const [, library] = /(?:^|[\s:'"])([^\s:'"]+\.so[.\d]*): cannot open shared object file/.exec(line) ?? []
    if (library) return `Missing library ${library.split('/').at(-1)}: install the system package that has it`
    const [, dll] = /DLL load failed while importing (\w+)/.exec(line) ?? []
    if (dll) return `Missing library of ${dll} (a DLL could not be loaded)`
    const [, notFound] = /Library not loaded: (\S+)/.exec(line) ?? []
    if (notFound) return `Missing library ${notFound}`
    const [, module] = /ModuleNotFoundError: No module named '([^']+)'/.exec(line) ?? []
    if (module) return `Missing Python package ${module}: name it in the requirements`
  }
  return null
}

/** The lines of standard error that matter most: an error's own, with what explains it. */
export function lastWords(end: ProcessEnd): string {
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
