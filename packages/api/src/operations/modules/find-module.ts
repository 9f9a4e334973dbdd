import { Manifest, moduleNameOf } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { ModuleDoc } from '../../store/documents/module.ts'

/** A module by its name, or by the name that a configured worker has for it; there is one id that can follow from that. */
export async function findModule(
  deps: Deps,
  name: string,
  read = deps.store.modules.get,
): Promise<ModuleDoc | null> {
  const module = await read(moduleNameOf(name))
  return module && (module._id === name || originalNames(module).includes(name)) ? module : null
}

const originalNames = ({ entries }: ModuleDoc): (string | undefined)[] =>
  entries.map(({ manifest }) =>
    manifest === null ? undefined : Manifest.safeParse(JSON.parse(manifest)).data?.originalName,
  )
