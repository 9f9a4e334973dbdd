import { copyFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Grant, LogBatch } from '@millrace/shared/for-agents'
import { createLogger } from '../log/logger.ts'
import type { RunnableModule } from '../modules/known-module.ts'
import { expandTestData } from '../modules/test/test-input.ts'
import type { ModuleVariables } from '../process/module-variables.ts'
import { Stop } from '../process/stop/stop.ts'
import type { Watchdog } from '../process/stop/watchdog.ts'
import { RunLog } from '../report/run-log.ts'
import type { SpooledRun } from '../report/spool.ts'
import { produceResult } from '../runs/run-assignment.ts'
import { inputsOfTest } from './inputs.ts'
import type { Steps } from './steps.ts'

const taskId = 'tsk_00000000000000000000000000'

/** One run like a task's, except that its inputs come from this machine: the module's test data, or given inputs. */
export async function runOnce(
  module: RunnableModule,
  given: Grant['inputs'],
  o: {
    /** The author's folder. */
    folder: string
    home: string
    own: NodeJS.ProcessEnv
    variables: ModuleVariables
    watchdog: Watchdog
    steps: Steps
    signal: AbortSignal
  },
): Promise<SpooledRun> {
  const { steps, signal } = o
  const { manifest, name, version, digest } = module
  const run = `${taskId}.1` as const
  const runsDir = join(o.home, 'runs')
  const input = Object.keys(given).length > 0 ? join(runsDir, run, 'input.json') : null
  steps.command([
    ...[module.python, join(o.folder, manifest.entryPoint), '--mode', 'run', '--task_id', taskId],
    ...['--input_file', input ?? join(o.folder, 'test_data.json')],
  ])
  const logger = createLogger('silent')
  const publish = async ({ lines, progress }: LogBatch) => {
    for (const { stream, line } of lines) {
      if (stream === 'agent') steps.warn(line)
      else steps.line(line)
    }
    if (progress) steps.progress(progress)
    return true
  }
  const grant: Grant = {
    run,
    module: { name, version, digest },
    inputs: { ...(await testInputs(module)), ...given },
    outputs: {},
    timeoutSeconds: manifest.timeoutSeconds,
  }
  const stop = new Stop()
  const onAbort = () => stop.request('shutdown')
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  const result = await produceResult(
    {
      runsDir,
      find: () => module,
      openLog: (_, path) => new RunLog({ path, publish, isOpen: () => true, logger }),
      onProgress: () => undefined,
      fetch: (file, path) => copyFile(fileURLToPath(file.url), path),
      watchdog: o.watchdog,
      threads: availableParallelism(),
      own: o.own,
      variables: o.variables,
      logger,
    },
    { grant, again: async () => grant },
    stop,
  )
  signal.removeEventListener('abort', onAbort)
  signal.throwIfAborted()
  if (!result) throw new Error('a run that was not superseded has no result')
  steps.commandEnded(result)
  const peak = result.usage?.peakRamBytes
  if (peak) steps.note(`peak memory ${Math.ceil(peak / 1024 / 1024)} MiB`)
  return result
}

async function testInputs({ folder, manifest }: RunnableModule): Promise<Grant['inputs']> {
  const expanded = await expandTestData({ folder, manifest, taskId, outputDir: folder })
  // The test has just read it from the same copy.
  if ('fault' in expanded) throw new Error(expanded.fault)
  return inputsOfTest(manifest, expanded.input.inputs)
}
