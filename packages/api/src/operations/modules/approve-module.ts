import type { ApproveModule } from '@millrace/shared'
import { Failure } from '../../failure.ts'
import type { Ports } from '../../ports.ts'
import type { ModuleDoc, ModuleEntry } from '../../store/documents/module.ts'
import { publishToken } from '../events/announce.ts'
import { approvalOf, approve, isSame } from './approval.ts'
import { announceModules, refreshModules } from './refresh-modules.ts'

/** An operator approves contents that agents have. Returns them; a repeated approval changes nothing. */
export async function approveModule(
  ports: Ports,
  known: ModuleDoc,
  wanted: ApproveModule,
): Promise<{ version: string; digest: string }[]> {
  let meant: ModuleEntry[] = []
  await ports.store.modules.change(known, (module) => {
    meant = [...module.awaiting, ...module.entries].filter((entry) => isMeant(entry, wanted))
    refuseUnclear(module, meant, wanted)
    if (meant.every((entry) => approvalOf(module, entry)?.by === 'operator')) return null
    const now = ports.clock.now()
    return { ...approve(module, meant, 'operator', now), updatedAt: now }
  })
  const { _id: name } = known
  await refreshModules(ports, [name])
  await announceModules(ports, [name])
  await ports.bus.ensureWork(name).catch((err) => {
    ports.logger.warn({ err, module: name }, 'creating the consumer of a module failed; the tick retries')
  })
  publishToken(ports, name)
  return meant.map(({ version, digest }) => ({ version, digest }))
}

const isMeant = (entry: ModuleEntry, { version, digest, agent }: ApproveModule): boolean =>
  (version === undefined || entry.version === version) &&
  (digest === undefined || entry.digest === digest) &&
  (agent === undefined || entry.agentId === agent)

function refuseUnclear(module: ModuleDoc, meant: readonly ModuleEntry[], wanted: ApproveModule): void {
  const [first] = meant
  if (!first) {
    if (
      module.approved.some(
        (one) => !wanted.agent && one.version === wanted.version && one.digest === wanted.digest,
      )
    )
      return
    const path = wanted.agent ? '/agent' : '/digest'
    const errors = [{ path, message: 'no agent reports such contents of this module' }]
    throw new Failure(
      'invalid_request',
      `No agent reports such contents of ${module._id}. GET /api/modules/${module._id} has what awaits approval.`,
      { errors },
    )
  }
  if (wanted.agent) return
  const other = meant.find((one) => !isSame(one, first))
  if (!other) return
  throw new Failure(
    'conflict',
    `${first.agentId} and ${other.agentId} report different manifests under this version and digest. Name the agent whose contents are meant, too.`,
  )
}
