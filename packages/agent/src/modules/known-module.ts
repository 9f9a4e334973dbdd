import { type InventoryModule, type Manifest, type ModuleStatus, moduleMoves } from '@millrace/shared'
import type { Remembered } from './memory.ts'
import type { Named } from './name-modules.ts'

/** A module that can be run: the exact folder that passed its test. */
export type RunnableModule = {
  name: string
  version: string
  digest: string
  manifest: Manifest
  folder: string
  python: string
  cacheDir: string
}

/** What the agent knows about one module. */
export type KnownModule = {
  found: Named
  /** Where it stands, whether or not it is disabled. */
  status: ModuleStatus
  disabled: boolean
  error: string | null
  /** What may run now: this version, or the one before until this one has passed or failed. */
  runnable: RunnableModule | null
  outcome: Remembered | null
}

/** A module that was just found. */
export function detected(found: Named, before: KnownModule | undefined, disabled: boolean): KnownModule {
  return {
    found,
    status: 'DETECTED',
    disabled,
    error: null,
    runnable: before?.runnable ?? null,
    outcome: null,
  }
}

/** Moves a module on; a move that the table does not have is a mistake of ours. */
export function move(module: KnownModule, to: ModuleStatus): void {
  if (module.status === to) return
  if (!moduleMoves[module.status].includes(to))
    throw new Error(`${module.found.name} cannot go from ${module.status} to ${to}`)
  module.status = to
}

/** A module as the agent reports it. */
export function inventoryOf(module: KnownModule): InventoryModule {
  const { found, outcome } = module
  return {
    name: found.name,
    version: found.manifest?.version ?? '0.0.0',
    digest: found.digest,
    status: module.disabled ? 'DISABLED' : module.status,
    manifest: found.raw,
    path: found.folder,
    pythonExec: outcome?.python ?? null,
    error: module.error === null ? null : module.error.slice(0, 16_000),
    healthCheck: outcome?.healthCheck ?? null,
    installSeconds: outcome?.installSeconds ?? null,
  }
}
