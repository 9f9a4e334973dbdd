import type { Deps } from '../../deps.ts'
import { notFound } from '../../failure.ts'
import type { ModuleDoc } from '../../store/documents/module.ts'
import { publishToken } from '../events/announce.ts'
import { isGone } from './approval.ts'
import { announceModules, refreshModules } from './refresh-modules.ts'

/** Takes a module out of use, or back into it. What runs goes on to its end; what is queued waits. */
export async function switchModule(deps: Deps, name: string, disabled: boolean): Promise<ModuleDoc> {
  const known = await deps.store.modules.get(name)
  if (!known || isGone(known)) throw notFound('module')
  const change = await deps.store.modules.change(known, (module) =>
    module.disabled === disabled ? null : { ...module, disabled, updatedAt: deps.clock.now() },
  )
  await refreshModules(deps, [name])
  await announceModules(deps, [name])
  if (!disabled) publishToken(deps, name)
  return change?.after ?? { ...known, disabled }
}
