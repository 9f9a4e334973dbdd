import { join } from 'node:path'
import type { Gpu, LogLine, Manifest } from '@millrace/shared/for-agents'
import { Secrets } from '../log/secrets.ts'
import { faultOfMissing, type ModuleVariables, noVariables, stampOf } from '../process/module-variables.ts'
import type { Watchdog } from '../process/stop/watchdog.ts'
import type { InstallOutcome } from './catalogue-state.ts'
import { takeSnapshot } from './detect/snapshot.ts'
import { install } from './install/install.ts'
import type { FindInterpreter } from './install/interpreter.ts'
import { cacheFolder, snapshotFolder } from './install-outcome.ts'
import { type KnownModule, move, type RunnableModule } from './known-module.ts'
import { passedVersionOf, runnableOf } from './passed-versions.ts'
import { openInstallLog } from './steps/install-log.ts'
import { Interrupted, type StepFollower, stepRunner } from './steps/run-step.ts'
import { checkGpu, test } from './test/test-module.ts'

export type Ready = { outcome: InstallOutcome; runnable: RunnableModule | null }

/**
 * Takes a module from DETECTED through INSTALLING and TESTING; an AVAILABLE module is only tested, because its
 * environment was built for exactly these contents and is complete.
 * `called off` leaves the module DETECTED, without a result.
 */
export async function installAndTest(o: {
  module: KnownModule
  home: string
  own: NodeJS.ProcessEnv
  variables?: ModuleVariables
  secrets?: Secrets
  gpus?(): Promise<readonly Gpu[]>
  watchdog: Watchdog
  findInterpreter: FindInterpreter
  signal: AbortSignal
  graceMs?: number
  follow?: StepFollower
  reserve?(manifest: Manifest, signal: AbortSignal): Promise<{ release(): void }>
  changed(): void
  now?(): Date
  onInstallLines(module: string, digest: string, lines: LogLine[]): void
}): Promise<Ready | 'called off'> {
  const { module } = o
  const { found } = module
  const { manifest, digest, name } = found
  if (!manifest) throw new Error(`${name} has no manifest and cannot be installed`)
  const [gpu] = manifest.resources.usesGpu ? ((await o.gpus?.()) ?? []) : []
  const variables = o.variables ?? noVariables
  const given = variables.of(manifest)
  const stamp = stampOf(manifest, variables)
  const mask = (o.secrets ?? new Secrets()).mask({}, given)
  const log = await openInstallLog({
    file: join(o.home, 'install-logs', `${name}-${digest.slice(0, 12)}.ndjson`),
    onLines: (lines) => o.onInstallLines(name, digest, lines),
    now: o.now,
  })
  const say = (text: string) => log.line('agent', text)
  const startedAt = performance.now()
  const enter = (status: 'INSTALLING' | 'TESTING') => {
    move(module, status)
    say(
      status === 'INSTALLING'
        ? `installing ${name}@${manifest.version}`
        : `testing ${name}@${manifest.version}`,
    )
    o.changed()
  }
  const outcomeOf = (
    fault: string | null,
    installed: { python: string; interpreter: InstallOutcome['interpreter']; envDir: string | null } | null,
    tested: boolean,
  ): Ready => {
    const error = fault && mask(fault)
    say(error ?? 'passed')
    const outcome: InstallOutcome = {
      digest,
      status: error === null ? 'AVAILABLE' : 'ERROR',
      error,
      python: installed?.python ?? null,
      interpreter: installed?.interpreter ?? null,
      envDir: installed?.envDir ?? null,
      healthCheck: tested
        ? { lastTested: (o.now?.() ?? new Date()).toISOString(), passed: error === null }
        : null,
      installSeconds: (performance.now() - startedAt) / 1000,
      variables: stamp,
      driver: gpu?.driverVersion ?? null,
    }
    return {
      outcome,
      runnable: error === null ? runnableOf(o.home, passedVersionOf(found, outcome)) : null,
    }
  }

  try {
    const missing = faultOfMissing(manifest, variables)
    if (missing !== null) {
      if (module.status === 'DETECTED') enter('INSTALLING')
      return outcomeOf(missing, null, false)
    }
    const run = stepRunner({ ...o, log, mask })
    const folder = snapshotFolder(o.home, name, digest)
    const prepared = {
      ...o,
      gpu: gpu?.uuid,
      own: withDriver(o.own, gpu),
      given,
      manifest,
      digest,
      folder,
      paths: found.listing.entries.map((entry) => entry.path),
      cacheDir: cacheFolder(o.home, name),
      run,
    }
    const isOfOtherDriver = module.outcome?.driver !== (gpu?.driverVersion ?? null)
    if (module.status === 'AVAILABLE' && isOfOtherDriver) move(module, 'DETECTED')
    const before = module.status === 'AVAILABLE' ? module.outcome : null
    let installed = before && {
      python: before.python ?? '',
      interpreter: before.interpreter,
      envDir: before.envDir,
    }
    if (!installed) {
      enter('INSTALLING')
      for (const warning of found.warnings) say(warning)
      if (!(await takeSnapshot(found.folder, found.listing, folder))) throw new Interrupted()
      const result = await install(prepared)
      if ('fault' in result) return outcomeOf(result.fault, null, false)
      installed = result
    }
    enter('TESTING')
    const room = await o.reserve?.(manifest, o.signal)
    try {
      const { python } = installed
      const fault =
        (gpu && (await checkGpu({ ...prepared, python }, gpu))) ?? (await test({ ...prepared, python }))
      return outcomeOf(fault, installed, true)
    } finally {
      room?.release()
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    say('called off')
    move(module, 'DETECTED')
    return 'called off'
  } finally {
    await log.close()
  }
}

/** The installer itself searches only PATH for the driver, and would choose CPU builds where the driver is elsewhere. */
const withDriver = (own: NodeJS.ProcessEnv, gpu: Gpu | undefined): NodeJS.ProcessEnv =>
  gpu?.driverVersion ? { UV_CUDA_DRIVER_VERSION: gpu.driverVersion, ...own } : own
