import {
  type InventoryModule,
  type Manifest,
  type ModuleStatus,
  moduleMoves,
} from '@millrace/shared/for-agents'
import type { InstallOutcome, PassedVersion } from './catalogue-state.ts'
import type { Named } from './detect/name-modules.ts'

/** A module that the agent can run: the exact folder that passed its test. */
export type RunnableModule = {
  name: string
  version: string
  digest: string
  manifest: Manifest
  folder: string
  python: string
  cacheDir: string
}

/** What the agent knows about one folder of the modules folder. */
export type KnownModule = {
  found: Named
  /** The status of the present contents, whether or not the module is disabled. */
  status: ModuleStatus
  disabled: boolean
  error: string | null
  /** The result of installing and testing the present contents. */
  outcome: InstallOutcome | null
  /** Contents that passed, the best first: earlier ones serve until the present ones pass, or if these fail. */
  good: PassedVersion[]
  /** The first of `good`. */
  runnable: RunnableModule | null
}

/** A new or changed folder. Under another name it is another module. */
export function detected(
  found: Named,
  before: Pick<KnownModule, 'good' | 'runnable'> | undefined,
  disabled: boolean,
): KnownModule {
  const same = before?.runnable?.name === found.name ? before : undefined
  return {
    found,
    status: 'DETECTED',
    disabled,
    error: null,
    outcome: null,
    good: same?.good ?? [],
    runnable: same?.runnable ?? null,
  }
}

/** Changes a module's status. An illegal transition throws; it indicates a bug. */
export function move(module: KnownModule, to: ModuleStatus): void {
  if (module.status === to) return
  if (!moduleMoves[module.status].includes(to))
    throw new Error(`${module.found.name} cannot go from ${module.status} to ${to}`)
  module.status = to
}

/** A module as the agent reports it: its present contents, and the earlier contents that serve meanwhile. */
export function inventoryOf(module: KnownModule): InventoryModule[] {
  const { found, outcome, runnable, good } = module
  const present: InventoryModule = {
    name: found.name,
    version: found.manifest?.version ?? '0.0.0',
    digest: found.digest,
    status: module.disabled ? 'DISABLED' : module.status,
    manifest: found.raw,
    path: found.folder,
    error: module.error === null ? null : module.error.slice(0, 16_000),
    ...measured(outcome),
  }
  if (!runnable || runnable.digest === found.digest) return [present]
  const serving: InventoryModule = {
    name: runnable.name,
    version: runnable.version,
    digest: runnable.digest,
    status: module.disabled ? 'DISABLED' : 'AVAILABLE',
    manifest: good[0]?.raw ?? null,
    path: found.folder,
    error: null,
    ...measured(good[0]?.outcome ?? null),
  }
  return [present, serving]
}

const measured = (outcome: InstallOutcome | null) => ({
  pythonExec: outcome?.python ?? null,
  healthCheck: outcome?.healthCheck ?? null,
  installSeconds: outcome?.installSeconds ?? null,
})
