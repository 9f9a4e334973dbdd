import { mkdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Manifest, RunUsage } from '@millrace/shared/for-agents'
import { ifExists } from '@millrace/std/fs'
import { ConfigFaults } from '../config/config.ts'
import { readVariables, settingsFile } from '../config/settings.ts'
import { listFolder } from '../modules/detect/folder-listing.ts'
import type { Named } from '../modules/detect/name-modules.ts'
import { look } from '../modules/detect/scan-folders.ts'
import {
  type GivenVariables,
  type ModuleVariables,
  pickNamed,
  variablesOfOwner,
} from '../process/module-variables.ts'
import { startWatchdog, type Watchdog } from '../process/stop/watchdog.ts'
import type { SpooledOutput, SpooledRun } from '../report/spool.ts'
import { openCheckHome } from './home.ts'
import { type GivenInput, readGiven } from './inputs.ts'
import { keepOutputs } from './keep-outputs.ts'
import { oldHelperIn } from './old-helper.ts'
import { prepare } from './prepare.ts'
import { runOnce } from './run-once.ts'
import { type CheckEvent, type StepReport, Steps } from './steps.ts'

export type CheckOptions = {
  /** The folder that keeps environments between checks. */
  home: string
  /** The environment of this process; modules see only what the agent would pass on. */
  own: NodeJS.ProcessEnv
  /** Inputs of the run instead of those of `test_data.json`. */
  inputs?: readonly GivenInput[]
  /** The folder to copy the run's outputs to. */
  keep?: string
  onStep(event: CheckEvent): void
  /** Cancels the check; no process of it is left when the check rejects with the signal's reason. */
  signal: AbortSignal
}

/** The result of a check. `outputs` and `usage` are the run's; the files stay until the next check. */
export type Checked = {
  good: boolean
  module: { name: string; version: string } | null
  steps: StepReport[]
  outputs: Record<string, SpooledOutput>
  usage: RunUsage | null
}

/** The call is invalid: the folder is not usable, or the module does not accept the inputs. */
export class CannotCheck extends Error {
  override name = 'CannotCheck'
}

/**
 * Does with a module's folder all that an agent does, on this machine and without a server: reads
 * the manifest, builds the environment, runs set-up, tests, and runs one task. Throws `CannotCheck`.
 */
export async function checkModule(dir: string, o: CheckOptions): Promise<Checked> {
  const folder = resolve(dir)
  if (!(await isFolder(folder))) throw new CannotCheck(`the folder ${dir} does not exist`)
  if (o.keep !== undefined) await makeKeep(o.keep)
  const variables = variablesOfCheck(o.own, await variablesInFile(o.own))
  const home = await openCheckHome(o.home, {
    signal: o.signal,
    onWaiting: () => o.onStep({ kind: 'waiting' }),
  })
  const watchdog = startWatchdog()
  const steps = new Steps(o.onStep)
  try {
    return await check(folder, { ...o, watchdog, steps, variables })
  } finally {
    await watchdog.close()
    await home.release()
  }
}

type Checking = CheckOptions & { watchdog: Watchdog; steps: Steps; variables: ModuleVariables }

async function check(folder: string, o: Checking): Promise<Checked> {
  const { steps } = o
  const checked: Checked = { good: false, module: null, steps: steps.reports, outputs: {}, usage: null }
  steps.enter('manifest')
  const found = await find(folder)
  if ('fault' in found) {
    steps.end(found.fault)
    return checked
  }
  const { module, manifest } = found
  checked.module = { name: manifest.name, version: manifest.version }
  steps.note(`${manifest.name} ${manifest.version}`)
  for (const warning of [...module.warnings, ...(await oldHelperIn(folder))]) steps.warn(warning)
  const given = await readGiven(manifest, o.inputs ?? [])
  if ('faults' in given) throw new CannotCheck(given.faults.join('\n'))

  const runnable = await prepare(module, manifest, o)
  if (!runnable) return checked
  steps.enter('run')
  const result = await runOnce(runnable, given.inputs, { ...o, folder })
  checked.outputs = result.outputs
  checked.usage = result.usage
  if (result.outcome === 'succeeded' && o.keep) await keepOutputs(result.outputs, o.keep)
  steps.end(causeOf(result, manifest))
  checked.good = result.outcome === 'succeeded'
  return checked
}

async function find(folder: string): Promise<{ module: Named; manifest: Manifest } | { fault: string }> {
  if (!(await ifExists(stat(join(folder, 'module.json')))))
    return { fault: 'This folder has no module.json: every module needs one' }
  const found = await look(basename(folder), folder, await listFolder(folder), undefined)
  const { manifest, fault } = found
  if (!manifest || fault) return { fault: fault ?? 'module.json cannot be read' }
  return { module: { ...found, name: manifest.name }, manifest }
}

/** Why a run failed, or `null`. */
function causeOf({ outcome, error }: SpooledRun, manifest: Manifest): string | null {
  if (outcome === 'succeeded') return null
  if (outcome === 'timed_out' && error?.detail === undefined)
    return `The run took longer than timeout_seconds (${manifest.timeoutSeconds} s)`
  return `The run failed: ${error?.message ?? outcome}`
}

/** A module's author is the owner here, so variables may also be set in front of the command. */
function variablesOfCheck(own: NodeJS.ProcessEnv, inFile: GivenVariables): ModuleVariables {
  const ofFile = variablesOfOwner(() => inFile, settingsFile(own))
  return {
    of: (manifest) => ({ ...ofFile.of(manifest), ...pickNamed(manifest, own) }),
    remedy: (module) => `set it in the environment of this command, or ${ofFile.remedy(module)}`,
  }
}

async function variablesInFile(own: NodeJS.ProcessEnv): Promise<GivenVariables> {
  try {
    return await readVariables(own)
  } catch (error) {
    if (error instanceof ConfigFaults) throw new CannotCheck(error.faults.join('\n'))
    throw error
  }
}

/** Creates the folder before the run, so that a failure costs no run. */
async function makeKeep(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
  } catch (cause) {
    throw new CannotCheck(`the folder ${folder} cannot be made`, { cause })
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await ifExists(stat(path))
  return found?.isDirectory() ?? false
}
