import { Manifest } from '@millrace/shared'
import { Failure } from '../../failure.ts'
import type { Ports } from '../../ports.ts'
import type { ModuleDoc } from '../../store/documents/module.ts'
import { findModule } from './find-module.ts'
import { compareVersions } from './versions.ts'

/** The manifest for checking a new task. Throws `module_not_found`. */
export async function manifestFor(
  ports: Ports,
  wanted: { module: string; version?: string },
): Promise<Manifest> {
  const module = await findModule(ports, wanted.module, ports.store.modules.recent)
  const manifest = module && bestManifest(module, wanted.version)
  if (manifest) return manifest
  const name = wanted.version ? `${wanted.module}@${wanted.version}` : wanted.module
  const waits = module?.awaiting.some((one) => !wanted.version || one.version === wanted.version)
  throw new Failure(
    'module_not_found',
    waits
      ? `The module ${name} awaits approval: only agents whose keys are not trusted have it. An admin approves it with POST /api/modules/${module?._id}/approve.`
      : `No agent has reported a module ${name}. GET /api/modules lists the known modules.`,
    {
      errors: [{ path: module ? '/version' : '/module', message: `no module ${name}` }],
    },
  )
}

/** The newest AVAILABLE version, or else the newest with a readable manifest. */
function bestManifest(module: ModuleDoc, version?: string): Manifest | null {
  const readable = manifestsOf(module).filter(({ manifest }) => !version || manifest.version === version)
  const available = readable.filter((one) => one.available)
  const pool = available.length > 0 ? available : readable
  return pool.sort(newestFirst)[0]?.manifest ?? null
}

/** The newest version first; of one version, that of a trusted agent before others that an operator approved. */
const newestFirst = (a: Readable, b: Readable): number =>
  compareVersions(b.manifest.version, a.manifest.version) || Number(b.trusted) - Number(a.trusted)

type Readable = { manifest: Manifest; available: boolean; trusted: boolean }
/** Cached, because many tasks are submitted against one document. */
const parsed = new WeakMap<ModuleDoc, Readable[]>()

function manifestsOf(module: ModuleDoc): Readable[] {
  const known = parsed.get(module)
  if (known) return known
  const readable = module.entries.flatMap((entry) => {
    const manifest = entry.manifest === null ? undefined : Manifest.safeParse(JSON.parse(entry.manifest)).data
    return manifest ? [{ manifest, available: entry.status === 'AVAILABLE', trusted: entry.trusted }] : []
  })
  parsed.set(module, readable)
  return readable
}
