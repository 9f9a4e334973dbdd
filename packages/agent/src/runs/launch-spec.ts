import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Grant, parseRunId } from '@millrace/shared/for-agents'
import type { RunnableModule } from '../modules/catalogue.ts'
import { moduleEnv } from '../process/module-env.ts'
import { expectedOf } from '../process/output/result-shape.ts'
import type { RunProcessOptions } from '../process/run-process.ts'
import { expectedAnswer } from '../process/worker-answer.ts'
import { launchWorker } from '../workers/runnable-worker.ts'
import type { PlacedInputs } from './inputs/place-inputs.ts'
import type { Program } from './programs.ts'

export type RunToStart = {
  grant: Grant
  placed: PlacedInputs
  runDir: string
  outputDir: string
  /** For temporary files. */
  tmpDir: string
  gpu?: string
  threads: number
  own: NodeJS.ProcessEnv
  /** The variables that the module declares, with their given values. */
  given?: Record<string, string>
  agentId: string | null
}
type Start = Pick<RunProcessOptions, 'command' | 'args' | 'cwd' | 'env' | 'input' | 'result'>

/** The launch spec of a run. Modules read their inputs from a file, workers from standard input. */
export function launchSpec(program: Program, run: RunToStart): Start {
  const { task: taskId } = parseRunId(run.grant.run)
  const { python, cacheDir, manifest } = program
  const requestId = run.grant.task?.requestId
  const env = moduleEnv({ ...run, python, cacheDir, taskId, requestId, usesGpu: manifest.resources.usesGpu })
  if (!('call' in program)) {
    const result = { expected: expectedOf(manifest), outputDir: run.outputDir }
    return { ...launchModule(program, run), env, result }
  }
  const params = run.placed.inputs.params ?? null
  const worker = launchWorker(program, run.grant, params, run.agentId)
  return { ...worker, env: { ...env, ...program.call.env }, result: { expected: expectedAnswer } }
}

function launchModule(module: RunnableModule, run: RunToStart) {
  const { task } = parseRunId(run.grant.run)
  return {
    command: module.python,
    args: [
      join(module.folder, module.manifest.entryPoint),
      ...['--mode', 'run', '--task_id', task, '--input_file', writeInput(run)],
    ],
    cwd: run.runDir,
  }
}

/** Writes the file that describes the run to a module; returns its path. */
export function writeInput({
  grant,
  placed,
  runDir,
  outputDir,
}: Pick<RunToStart, 'grant' | 'placed' | 'runDir' | 'outputDir'>): string {
  const inputFile = join(runDir, 'input.json')
  const { task } = parseRunId(grant.run)
  // Small and local: the thread pool would take longer than the call.
  writeFileSync(
    inputFile,
    JSON.stringify({ task_id: task, run_id: grant.run, ...placed, output_dir: outputDir }),
  )
  return inputFile
}
