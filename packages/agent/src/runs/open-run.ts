import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Grant, RunId } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import { type Mask, Secrets } from '../log/secrets.ts'
import type { ModuleVariables } from '../process/module-variables.ts'
import type { RunLog } from '../report/run-log.ts'
import type { Program } from './programs.ts'

export type OpenRunDeps = {
  runsDir: string
  find(name: string, version: string, digest: string): Program | null
  openLog(run: RunId, path: string): RunLog
  /** The values for variables that modules declare. */
  variables?: ModuleVariables
  /** Values to mask in the output of all runs. */
  secrets?: Secrets
  logger: Logger
}

/** A run with its folder and log. */
export type OpenRun = {
  /** `null`: this agent no longer has it. */
  program: Program | null
  runDir: string
  outputDir: string
  log: RunLog
  /** Applied to all output that leaves the agent. */
  mask: Mask
  /** The variables that the module declares, with their given values. */
  given: Record<string, string> | undefined
}

/** Creates the folder and the log of a run; `null` when the disk has no room for them. */
export function openRun(deps: OpenRunDeps, { run, module }: Grant): OpenRun | null {
  const runDir = join(deps.runsDir, run)
  const outputDir = join(runDir, 'out')
  try {
    // Small and local: the thread pool would take longer than the call.
    mkdirSync(outputDir, { recursive: true, mode: 0o700 })
  } catch (err) {
    deps.logger.error({ err, run }, 'creating the folder of a run failed; handing the run back')
    return null
  }
  const log = deps.openLog(run, join(runDir, 'log.ndjson'))
  const program = deps.find(module.name, module.version, module.digest)
  const given = program ? deps.variables?.of(program.manifest) : undefined
  const workers = program && 'call' in program ? program.call.env : {}
  const mask = (deps.secrets ?? new Secrets()).mask(workers, given)
  return { program, runDir, outputDir, log, mask, given }
}
