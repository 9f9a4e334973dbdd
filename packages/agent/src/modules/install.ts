import { join } from 'node:path'
import type { Manifest } from '@millrace/shared'
import { buildEnvironment, pythonIn } from './environment.ts'
import type { FindInterpreter, Interpreter } from './interpreter.ts'
import { environmentDigest, readRequirements } from './requirements.ts'
import type { RunStep } from './run-step.ts'
import { setUp } from './verify.ts'

/** An installed module: with what and where from it runs. */
export type Installed = { python: string; interpreter: Interpreter; envDir: string | null }

/** Makes the environment of a module and sets it up; what stands in the way comes back as a fault. */
export async function install(o: {
  manifest: Manifest
  digest: string
  /** The snapshot. */
  folder: string
  cacheDir: string
  home: string
  own: NodeJS.ProcessEnv
  gpu?: string
  findInterpreter: FindInterpreter
  run: RunStep
}): Promise<Installed | { fault: string }> {
  const interpreter = await o.findInterpreter(o.manifest.python)
  if ('fault' in interpreter) return interpreter
  const requirements = await readRequirements(o.folder, o.manifest)
  const torchBackend = o.manifest.resources.usesGpu ? (o.own.MILLRACE_TORCH_BACKEND ?? 'auto') || null : null
  const installed: Installed = { python: interpreter.path, interpreter, envDir: null }
  if (requirements) {
    const name = environmentDigest({ requirements, interpreter, torchBackend, moduleDigest: o.digest }).slice(
      0,
      12,
    )
    const folder = join(o.home, 'envs', name)
    const timeoutSeconds = o.manifest.setupTimeoutSeconds
    const failure = await buildEnvironment({
      ...o,
      folder,
      requirements,
      interpreter,
      torchBackend,
      timeoutSeconds,
    })
    if (failure) return failure
    installed.python = pythonIn(folder)
    installed.envDir = folder
  }
  const fault = await setUp({ ...o, python: installed.python })
  return fault === null ? installed : { fault }
}
