import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Gpu, Manifest } from '@millrace/shared'
import { judge } from '../process/judge.ts'
import { moduleEnv } from '../process/module-env.ts'
import type { ProcessEnd } from '../process/run-process.ts'
import { lastWords, missingPart } from './explain.ts'
import { gpuFault } from './gpu-check.ts'
import type { RunStep } from './run-step.ts'
import { expandTestData } from './test-input.ts'

/** What is needed to start a module's program outside a task. */
export type Prepared = {
  manifest: Manifest
  folder: string
  python: string
  cacheDir: string
  home: string
  own: NodeJS.ProcessEnv
  gpu?: string
  run: RunStep
}

const testTaskId = 'tsk_00000000000000000000000000'

/** `--mode setup`, for modules that list it: weights into the cache, say. Says why it failed, or `null`. */
export async function setUp(o: Prepared): Promise<string | null> {
  if (!o.manifest.modes.includes('setup')) return null
  return inRunFolder(o, async (runDir, outputDir) => {
    const limit = o.manifest.setupTimeoutSeconds
    const end = await o.run({
      command: o.python,
      args: [join(o.folder, o.manifest.entryPoint), '--mode', 'setup'],
      cwd: runDir,
      env: environment(o, { runDir, outputDir, forSetup: true }),
      timeoutSeconds: limit,
    })
    if (end.stopReason === 'timed_out') return `Set-up took longer than setup_timeout_seconds (${limit} s)`
    return end.exitCode === 0 ? null : `Set-up failed: ${cause(end)}`
  })
}

/** Whether the environment can use the GPU at all; says why not, or `null`. */
export const checkGpu = (o: Prepared, gpu: Gpu): Promise<string | null> =>
  inRunFolder(o, (runDir, outputDir) =>
    gpuFault({ python: o.python, cwd: runDir, env: environment(o, { runDir, outputDir }), gpu, run: o.run }),
  )

/**
 * `--mode test` with the module's own `test_data.json`: it must exit with 0, report success, and return each
 * declared output in its kind. Says why it did not, or `null`.
 */
export async function test(o: Prepared): Promise<string | null> {
  return inRunFolder(o, async (runDir, outputDir) => {
    const expanded = await expandTestData({ ...o, taskId: testTaskId, outputDir })
    if ('fault' in expanded) return expanded.fault
    const inputFile = join(runDir, 'input.json')
    await writeFile(inputFile, JSON.stringify(expanded.input))
    const limit = o.manifest.testTimeoutSeconds
    const end = await o.run({
      command: o.python,
      args: [join(o.folder, o.manifest.entryPoint), '--mode', 'test', '--input_file', inputFile],
      cwd: runDir,
      env: environment(o, { runDir, outputDir, taskId: testTaskId }),
      timeoutSeconds: limit,
    })
    if (end.stopReason === 'timed_out') return `The test took longer than test_timeout_seconds (${limit} s)`
    const missing = missingPart(end.stderrTail)
    const verdict = await judge({ end, manifest: o.manifest, outputDir })
    if (verdict.error) return missing ?? `The test failed: ${verdict.error.message}`
    return end.exitCode === 0 ? null : `The test reported success, but ended badly: ${cause(end)}`
  })
}

function environment(
  o: Prepared,
  run: { runDir: string; outputDir: string; taskId?: string; forSetup?: boolean },
): Record<string, string> {
  const { usesGpu } = o.manifest.resources
  return moduleEnv({ ...o, ...run, usesGpu, threads: availableParallelism() })
}

async function inRunFolder<T>(
  o: Prepared,
  work: (runDir: string, outputDir: string) => Promise<T>,
): Promise<T> {
  const parent = join(o.home, 'tests')
  await mkdir(parent, { recursive: true })
  await mkdir(o.cacheDir, { recursive: true })
  const runDir = await mkdtemp(join(parent, `${o.manifest.name}-`))
  try {
    const outputDir = join(runDir, 'output')
    await mkdir(outputDir)
    return await work(runDir, outputDir)
  } finally {
    await rm(runDir, { recursive: true, force: true, maxRetries: 3 })
  }
}

function cause(end: ProcessEnd): string {
  if (end.startError) return end.startError
  const how = end.signal ? `it crashed (${end.signal})` : `exit code ${end.exitCode}`
  const words = lastWords(end)
  return missingPart(end.stderrTail) ?? (words === '' ? how : `${how}: ${words}`)
}
