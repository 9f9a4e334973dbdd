import type { Gpu } from '@millrace/shared/for-agents'
import { type ModuleVariables, noVariables, stampOf } from '../process/module-variables.ts'
import type { KnownModule } from './known-module.ts'

/** Whether the values of a module's variables have changed since its test. */
export function hasOtherVariables(
  { found, outcome }: KnownModule,
  variables: ModuleVariables = noVariables,
): boolean {
  if (!found.manifest || found.fault || !outcome) return false
  return stampOf(found.manifest, variables) !== outcome.variables
}

/** Whether the test ran without a GPU or with another driver, so its result does not apply to the present GPU. */
export function hasOtherGpu({ found, outcome }: KnownModule, [gpu]: readonly Gpu[]): boolean {
  if (!gpu || !found.manifest?.resources.usesGpu || found.fault || !outcome) return false
  return gpu.driverVersion !== outcome.driver
}
