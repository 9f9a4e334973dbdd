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

/** What the end of its program means for a run, and what its log says about it. */
export async function conclude(
  { end, result, promisedVramBytes = 0 }: NonNullable<Executed>,
  { program, runDir, outputDir, log, mask }: OpenRun & { program: Program },
): Promise<Ending> {
  if (end.hungAfterResult)
    log.add('agent', 'it gave its result and did not end; the agent ended it, and the result counts')
  if (end.sharedMemory) log.add('agent', wordsForMemory(end.sharedMemory))
  const verdict = await classifyOutcome({ end, manifest: program.manifest, outputDir, result })
  for (const output of verdict.undeclared)
    log.add('agent', mask(`"${output}" is not a declared output; it is left out`))
  for (const note of verdict.notes) log.add('agent', mask(note))
  const error = verdict.error && explained(verdict.error, end, { program, runDir })
  // All that was promised to it was not enough, whatever it was seen to hold.
  if (error?.code === 'out_of_memory' && promisedVramBytes > 0)
    end.usage.peakVramBytes = Math.max(end.usage.peakVramBytes ?? 0, promisedVramBytes)
  return { outcome: verdict.outcome, error, outputs: await gatherOutputs(verdict.outputs, runDir), end }
}

/** Adds a hint at a file that a module named wrongly; a worker chooses its folder itself. */
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
  `it left ${segments} segment${segments === 1 ? '' : 's'} of shared memory in /dev/shm with ${Math.ceil(bytes / 1024 / 1024)} MiB, which the agent removed`
