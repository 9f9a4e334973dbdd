import type { Gpu } from '@millrace/shared/for-agents'
import { type ModuleVariables, noVariables, stampOf } from '../process/module-variables.ts'
import type { KnownModule } from './known-module.ts'

/** Whether a module was tried with other values than it would be given now. */
export function hasOtherVariables(
  { found, outcome }: KnownModule,
  variables: ModuleVariables = noVariables,
): boolean {
  if (!found.manifest || found.fault || !outcome) return false
  return stampOf(found.manifest, variables) !== outcome.variables
}

/** Whether it was tried without a GPU, or on another driver: that says nothing of the GPU that is there now. */
export function hasOtherGpu({ found, outcome }: KnownModule, [gpu]: readonly Gpu[]): boolean {
  if (!gpu || !found.manifest?.resources.usesGpu || found.fault || !outcome) return false
  return gpu.driverVersion !== outcome.driver
}
