import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Gpu } from '@millrace/shared/for-agents'
import type { InstallOutcome } from './catalogue-state.ts'
import { isComplete } from './install/environment.ts'
import { interpreterStamp } from './install/interpreter.ts'
import type { RunnableModule } from './known-module.ts'

/** Where the agent keeps the copy of a module that it tests and runs. */
export const snapshotFolder = (home: string, name: string, digest: string): string =>
  join(home, 'modules', `${name}-${digest.slice(0, 12)}`)

/** Where a module keeps files between runs, shared by all its versions. */
export const cacheFolder = (home: string, name: string): string => join(home, 'cache', name)

/** Whether the interpreter, driver, environment and copy of a passed test all still exist, unchanged. */
export async function isStillValid(
  runnable: RunnableModule,
  outcome: InstallOutcome,
  gpus: (() => Promise<readonly Gpu[]>) | undefined,
): Promise<boolean> {
  if (!outcome.interpreter) return false
  if ((await interpreterStamp(outcome.interpreter.path)) !== outcome.interpreter.stamp) return false
  if (runnable.manifest.resources.usesGpu && (await driverOf(gpus)) !== outcome.driver) return false
  if (outcome.envDir !== null && !(await isComplete(outcome.envDir))) return false
  try {
    await access(join(runnable.folder, runnable.manifest.entryPoint))
    return true
  } catch {
    return false
  }
}

const driverOf = async (gpus?: () => Promise<readonly Gpu[]>): Promise<string | null> =>
  (await gpus?.())?.[0]?.driverVersion ?? null
