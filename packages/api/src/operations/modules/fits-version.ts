import { Manifest, type Offer } from '@millrace/shared'
import type { ModuleDoc } from '../../store/documents/module.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/**
 * Whether a task without a version may run this one, although it was checked against another: the manifest accepts its
 * inputs, requires no others, and declares its outputs.
 */
export function fitsVersion(task: TaskDoc, module: ModuleDoc | null, offer: Offer): boolean {
  const manifest = manifestOf(module, offer)
  if (!manifest) return false
  const takes = new Set(manifest.inputs.map((port) => port.key))
  const gives = new Set(manifest.outputs.map((port) => port.key))
  return (
    Object.keys(task.inputs).every((key) => takes.has(key)) &&
    manifest.inputs.every(
      ({ key, required, ...port }) =>
        !required || port.default !== undefined || Object.hasOwn(task.inputs, key),
    ) &&
    Object.keys(task.outputs).every((key) => gives.has(key))
  )
}

function manifestOf(module: ModuleDoc | null, { version, digest }: Offer): Manifest | undefined {
  const entry = module?.entries.find(
    (one) => one.version === version && one.digest === digest && one.manifest !== null,
  )
  return entry?.manifest ? Manifest.safeParse(JSON.parse(entry.manifest)).data : undefined
}
