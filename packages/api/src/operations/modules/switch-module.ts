import { notFound } from '../../failure.ts'
import type { Ports } from '../../ports.ts'
import type { ModuleDoc } from '../../store/documents/module.ts'
import { publishToken } from '../events/announce.ts'
import { isGone } from './approval.ts'
import { announceModules, refreshModules } from './refresh-modules.ts'

/** Disables or enables a module. Running tasks continue to their end; queued tasks wait. */
export async function switchModule(ports: Ports, name: string, disabled: boolean): Promise<ModuleDoc> {
  const known = await ports.store.modules.get(name)
  if (!known || isGone(known)) throw notFound('module')
  const change = await ports.store.modules.change(known, (module) =>
    module.disabled === disabled ? null : { ...module, disabled, updatedAt: ports.clock.now() },
  )
  await refreshModules(ports, [name])
  await announceModules(ports, [name])
  if (!disabled) publishToken(ports, name)
  return change?.after ?? { ...known, disabled }
}
