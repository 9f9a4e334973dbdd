import type { TaskError } from '@millrace/shared/for-agents'
import { classifyOutcome } from '../process/classify-outcome.ts'
import { withHintOfPath } from '../process/hint-of-path.ts'
import type { ProcessEnd } from '../process/run-process.ts'
import type { RemovedMemory } from '../process/stop/shared-memory.ts'
import { gatherOutputs } from '../report/outputs.ts'
import type { Ending } from './ending.ts'
import type { Executed } from './execute.ts'
import type { OpenRun } from './open-run.ts'
import type { Program } from './programs.ts'

/** Derives a run's outcome from the end of its program, and notes it in the log. */
export async function conclude(
  { end, result, promisedVramBytes = 0 }: NonNullable<Executed>,
  { program, runDir, outputDir, log, mask }: OpenRun & { program: Program },
): Promise<Ending> {
  if (end.hungAfterResult)
    log.add('agent', 'the process did not exit after its result; the agent ended it and kept the result')
  if (end.sharedMemory) log.add('agent', wordsForMemory(end.sharedMemory))
  const verdict = await classifyOutcome({ end, manifest: program.manifest, outputDir, result })
  for (const output of verdict.undeclared)
    log.add('agent', mask(`"${output}" is not a declared output; it is left out`))
  for (const note of verdict.notes) log.add('agent', mask(note))
  const error = verdict.error && explained(verdict.error, end, { program, runDir })
  // Its whole reservation was not enough, whatever the measured peak.
  if (error?.code === 'out_of_memory' && promisedVramBytes > 0)
    end.usage.peakVramBytes = Math.max(end.usage.peakVramBytes ?? 0, promisedVramBytes)
  return { outcome: verdict.outcome, error, outputs: await gatherOutputs(verdict.outputs, runDir), end }
}

/** Adds a hint if a module misnamed a file; not for workers, which choose their own folder. */
function explained(
  error: TaskError,
  end: ProcessEnd,
  { program, runDir }: { program: Program; runDir: string },
): TaskError {
  if ('call' in program) return error
  const { folder, manifest } = program
  return withHintOfPath(error, end, { folder, entryPoint: manifest.entryPoint, cwd: runDir })
}

const wordsForMemory = ({ segments, bytes }: RemovedMemory): string =>
  `the run left ${segments} segment${segments === 1 ? '' : 's'} of shared memory in /dev/shm with ${Math.ceil(bytes / 1024 / 1024)} MiB, which the agent removed`
