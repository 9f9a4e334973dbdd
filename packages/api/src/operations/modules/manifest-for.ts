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
  const module = await findModule(deps, wanted.module, deps.store.modules.recent)
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
  const readable = manifestsOf(module).filter(({ manifest }) => !version || manifest.version === version)
  const pool = readable.some((one) => one.available) ? readable.filter((one) => one.available) : readable
  return pool.map((one) => one.manifest).sort((a, b) => compareVersions(b.version, a.version))[0] ?? null
}

type Readable = { manifest: Manifest; available: boolean }
/** A document that is remembered is submitted to many times. */
const parsed = new WeakMap<ModuleDoc, Readable[]>()

function manifestsOf(module: ModuleDoc): Readable[] {
  const known = parsed.get(module)
  if (known) return known
  const readable = module.entries.flatMap((entry) => {
    const manifest = entry.manifest === null ? undefined : Manifest.safeParse(JSON.parse(entry.manifest)).data
    return manifest ? [{ manifest, available: entry.status === 'AVAILABLE' }] : []
  })
  parsed.set(module, readable)
  return readable
}
