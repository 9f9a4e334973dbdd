import { Manifest, moduleNameOf } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { ModuleDoc } from '../../store/documents/module.ts'

/** A module by its name, or by the name that a configured worker has for it; each such name maps to one id. */
export async function findModule(
  ports: Ports,
  name: string,
  read = ports.store.modules.get,
): Promise<ModuleDoc | null> {
  const module = await read(moduleNameOf(name))
  return module && (module._id === name || originalNames(module).includes(name)) ? module : null
}

const originalNames = ({ entries }: ModuleDoc): (string | undefined)[] =>
  entries.map(({ manifest }) =>
    manifest === null ? undefined : Manifest.safeParse(JSON.parse(manifest)).data?.originalName,
  )
