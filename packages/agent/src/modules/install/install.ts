import { basename, join } from 'node:path'
import type { Manifest } from '@millrace/shared/for-agents'
import { type Requirements, readRequirements } from '../manifest/requirements.ts'
import type { RunStep } from '../steps/run-step.ts'
import { setUp } from '../test/test-module.ts'
import { bareInterpreter } from './bare-interpreter.ts'
import { builtFromSource } from './built-from-source.ts'
import { buildEnvironment, pythonIn } from './environment.ts'
import { environmentDigest } from './environment-digest.ts'
import { namesHelper } from './helper-options.ts'
import { readHelper } from './helper-source.ts'
import { installEnv } from './install-env.ts'
import type { FindInterpreter, Interpreter } from './interpreter.ts'

/** An installed module: its interpreter and its environment. */
export type Installed = { python: string; interpreter: Interpreter; envDir: string | null }

/** Builds a module's environment and runs its set-up; a problem comes back as a fault. */
export async function install(o: {
  manifest: Manifest
  digest: string
  /** The snapshot. */
  folder: string
  paths: readonly string[]
  cacheDir: string
  home: string
  own: NodeJS.ProcessEnv
  gpu?: string
  findInterpreter: FindInterpreter
  run: RunStep
}): Promise<Installed | { fault: string }> {
  const interpreter = await o.findInterpreter(o.manifest.python)
  if ('fault' in interpreter) return interpreter
  const requirements = await readRequirements(o.folder, o.manifest, installEnv(o.own))
  if (requirements && 'fault' in requirements) return requirements
  const environment = requirements
    ? await environmentFor({ ...o, requirements, interpreter })
    : await bareInterpreter(o.home, interpreter)
  if ('fault' in environment) return environment
  const fault = await setUp({ ...o, python: environment.python })
  return fault === null ? { ...environment, interpreter } : { fault }
}

async function environmentFor(o: {
  manifest: Manifest
  digest: string
  folder: string
  home: string
  own: NodeJS.ProcessEnv
  run: RunStep
  gpu?: string
  requirements: Requirements
  interpreter: Interpreter
}): Promise<{ python: string; envDir: string } | { fault: string }> {
  const built = o.manifest.allowBuilds ? null : builtFromSource(o.requirements)
  if (built !== null) return { fault: faultOfBuild(basename(o.requirements.file), built) }
  // An empty setting means the usual package index.
  const torchBackend = o.manifest.resources.usesGpu ? (o.own.MILLRACE_TORCH_BACKEND ?? 'auto') || null : null
  const helper = namesHelper(o.requirements) ? await readHelper() : null
  const digest = await environmentDigest({
    ...o,
    // A build that "auto" chose without a GPU is useless once the machine has one.
    torchBackend: torchBackend === 'auto' && o.gpu === undefined ? 'auto, without a GPU' : torchBackend,
    allowBuilds: o.manifest.allowBuilds,
    moduleDigest: o.digest,
    helperDigest: helper?.digest ?? null,
  })
  const folder = join(o.home, 'envs', digest.slice(0, 12))
  const failure = await buildEnvironment({
    ...o,
    folder,
    torchBackend,
    helper,
    allowBuilds: o.manifest.allowBuilds,
    timeoutSeconds: o.manifest.setupTimeoutSeconds,
  })
  return failure ?? { python: pythonIn(folder), envDir: folder }
}

const faultOfBuild = (file: string, line: string): string =>
  `The requirements cannot be installed: "${line.slice(0, 200)}" in ${file} has to be built: name a package that has a wheel, or set "allow_builds" in module.json`
