import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Gpu, Manifest } from '@millrace/shared/for-agents'
import { classifyOutcome } from '../../process/classify-outcome.ts'
import { hintOfPath } from '../../process/hint-of-path.ts'
import { moduleEnv } from '../../process/module-env.ts'
import { expectedOf } from '../../process/output/result-shape.ts'
import type { ProcessEnd } from '../../process/run-process.ts'
import { openTemporary } from '../../process/short-temporary.ts'
import { missingFrom } from '../detect/snapshot.ts'
import { knownCause, stderrTailOf } from '../steps/diagnose.ts'
import type { RunStep } from '../steps/run-step.ts'
import { gpuFault } from './gpu-check.ts'
import { expandTestData } from './test-input.ts'

/** What the agent needs to start a module's program outside a task. */
export type Prepared = {
  manifest: Manifest
  /** The snapshot. */
  folder: string
  /** The files that the author put there. */
  paths: readonly string[]
  python: string
  cacheDir: string
  home: string
  own: NodeJS.ProcessEnv
  /** The values of the variables that it names. */
  given?: Record<string, string>
  gpu?: string
  run: RunStep
}

const testTaskId = 'tsk_00000000000000000000000000'

/** Runs `--mode setup` for modules that list it, for example to download weights. Returns the fault, or `null`. */
export async function setUp(o: Prepared): Promise<string | null> {
  if (!o.manifest.modes.includes('setup')) return null
  return inRunFolder(o, 'set up', async (run) => {
    const limit = o.manifest.setupTimeoutSeconds
    const end = await o.run({
      command: o.python,
      args: [join(o.folder, o.manifest.entryPoint), '--mode', 'setup'],
      cwd: run.runDir,
      env: environment(o, { ...run, forSetup: true }),
      timeoutSeconds: limit,
    })
    if (end.stopReason === 'timed_out') return `Set-up took longer than setup_timeout_seconds (${limit} s)`
    return end.exitCode === 0 ? null : `Set-up failed: ${cause(end, placeOf(o, run))}`
  })
}

/** Checks that the environment can use the GPU at all. Returns the fault, or `null`. */
export const checkGpu = (o: Prepared, gpu: Gpu): Promise<string | null> =>
  inRunFolder(o, 'tested', (run) =>
    gpuFault({ python: o.python, cwd: run.runDir, env: environment(o, run), gpu, run: o.run }),
  )

/**
 * Runs `--mode test` with the module's own `test_data.json`: it must exit with 0, report success, and return each
 * declared output in its type. Returns the fault, or `null`.
 */
export async function test(o: Prepared): Promise<string | null> {
  return inRunFolder(o, 'tested', async (run) => {
    const { runDir, outputDir } = run
    const expanded = await expandTestData({ ...o, taskId: testTaskId, outputDir })
    if ('fault' in expanded) return expanded.fault
    const inputFile = join(runDir, 'input.json')
    await writeFile(inputFile, JSON.stringify(expanded.input))
    const limit = o.manifest.testTimeoutSeconds
    const end = await o.run({
      command: o.python,
      args: [join(o.folder, o.manifest.entryPoint), '--mode', 'test', '--input_file', inputFile],
      cwd: runDir,
      env: environment(o, { ...run, taskId: testTaskId }),
      timeoutSeconds: limit,
      result: { expected: expectedOf(o.manifest), outputDir },
    })
    if (end.stopReason === 'timed_out') return `The test took longer than test_timeout_seconds (${limit} s)`
    const { error } = await classifyOutcome({ end, manifest: o.manifest, outputDir })
    if (error) {
      // The cause that a module itself names outranks warnings that it printed before.
      const said = error.detail?.type === undefined ? end.stderrTail : error.message.split('\n')
      const hint = hintOfPath({ end, error }, placeOf(o, run))
      if (hint !== null) return `The test failed: ${hint}. ${error.message}`
      return knownCause(said) ?? `The test failed: ${error.message}`
    }
    return end.exitCode === 0 || end.hungAfterResult
      ? null
      : `The test reported success, but ended badly: ${cause(end, placeOf(o, run))}`
  })
}

function environment(
  o: Prepared,
  run: RunFolder & { taskId?: string; forSetup?: boolean },
): Record<string, string> {
  const { usesGpu } = o.manifest.resources
  return moduleEnv({ ...o, ...run, usesGpu, threads: availableParallelism() })
}

type RunFolder = { runDir: string; outputDir: string; tmpDir: string }

/** As long as a run's folder name, so that a path that is too long for a module fails now. */
const folderName = `${testTaskId.slice(0, 26)}.`

async function inRunFolder(
  o: Prepared,
  done: 'set up' | 'tested',
  work: (run: RunFolder) => Promise<string | null>,
): Promise<string | null> {
  const parent = join(o.home, 'tests')
  await mkdir(parent, { recursive: true })
  await mkdir(o.cacheDir, { recursive: true })
  const runDir = await mkdtemp(join(parent, folderName))
  const temporary = openTemporary(runDir)
  try {
    const outputDir = join(runDir, 'out')
    await mkdir(outputDir)
    const fault = await work({ runDir, outputDir, tmpDir: temporary.path })
    return faultOfDeleted(await missingFrom(o.folder, o.paths), done) ?? fault
  } finally {
    temporary.close()
    await rm(runDir, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Without these files every later run would fail, so the fault is reported now. */
function faultOfDeleted(paths: string[], done: string): string | null {
  if (paths.length === 0) return null
  const named = paths.slice(0, 5).join(', ')
  const more = paths.length > 5 ? ` and ${paths.length - 5} more` : ''
  return `The module deleted its own files while it was ${done}: ${named}${more}`
}

const placeOf = ({ folder, manifest: { entryPoint } }: Prepared, { runDir }: RunFolder) => ({
  ...{ folder, entryPoint },
  cwd: runDir,
})

function cause(end: ProcessEnd, place: ReturnType<typeof placeOf>): string {
  if (end.startError) return end.startError
  const how = end.signal ? `it crashed (${end.signal})` : `exit code ${end.exitCode}`
  const words = stderrTailOf(end)
  const hint = hintOfPath({ end }, place)
  if (hint !== null) return `${hint}. ${how}: ${words}`
  return knownCause(end.stderrTail) ?? (words === '' ? how : `${how}: ${words}`)
}
