import { Manifest } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import { Failure } from '../../failure.ts'
import type { ModuleDoc } from '../../store/documents/module.ts'
import { findModule } from './find-module.ts'
import { compareVersions } from './versions.ts'

/** What a new task is checked against. Throws `module_not_found`. */
export async function manifestFor(
  deps: Deps,
  wanted: { module: string; version?: string },
): Promise<Manifest> {
  const module = await findModule(deps, wanted.module)
  const manifest = module && bestManifest(module, wanted.version)
  if (manifest) return manifest
  const name = wanted.version ? `${wanted.module}@${wanted.version}` : wanted.module
  throw new Failure(
    'module_not_found',
    `No agent has reported a module ${name}. GET /api/modules lists what there is.`,
    {
      errors: [{ path: module ? '/version' : '/module', message: `there is no module ${name}` }],
    },
  )
}

/** The newest AVAILABLE version, or the newest that was ever readable. */
function bestManifest(module: ModuleDoc, version?: string): Manifest | null {
  const readable = module.entries.flatMap((entry) => {
    const parsed = entry.manifest === null ? undefined : Manifest.safeParse(JSON.parse(entry.manifest)).data
    return parsed && (!version || parsed.version === version)
      ? [{ manifest: parsed, available: entry.status === 'AVAILABLE' }]
      : []
  })
  const pool = readable.some((one) => one.available) ? readable.filter((one) => one.available) : readable
  return pool.map((one) => one.manifest).sort((a, b) => compareVersions(b.version, a.version))[0] ?? null
}
