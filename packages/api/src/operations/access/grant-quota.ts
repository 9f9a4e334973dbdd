import { type DataId, essenceOf, moduleNameOf, type TaskId } from '@millrace/shared'
import { Failure } from '../../failure.ts'
import type { Ports } from '../../ports.ts'
import type { GrantDoc } from '../../store/documents/access.ts'

/** What the holder of a grant's token wants to upload, and where the request has it. */
type Wanted = { size: number; contentType: string; paths: { size: string; contentType: string } }

/** Counts one upload against the quota of the grant. A repeated request with the same id counts once. */
export async function spendUpload(
  ports: Ports,
  grant: GrantDoc | null,
  id: DataId,
  { size, contentType, paths }: Wanted,
): Promise<void> {
  if (!grant) return
  if (size > grant.maxUploadBytes)
    throw refused(paths.size, `may be ${grant.maxUploadBytes} bytes with this token, not ${size}`)
  if (grant.contentTypes && !grant.contentTypes.some((pattern) => isOfType(contentType, pattern)))
    throw refused(
      paths.contentType,
      `may be ${grant.contentTypes.join(', ')} with this token, not ${contentType}`,
    )
  await spend(ports, grant, 'uploads', id)
}

/** Counts one task likewise. */
export async function spendTask(ports: Ports, grant: GrantDoc | null, id: TaskId): Promise<void> {
  if (grant) await spend(ports, grant, 'tasks', id)
}

export function refuseForeignModule(grant: GrantDoc | null, module: string): void {
  if (!grant || grant.modules.includes(moduleNameOf(module))) return
  throw refused('/module', `may be ${grant.modules.join(', ') || 'none'} with this token`)
}

async function spend(
  ports: Ports,
  grant: GrantDoc,
  kind: 'uploads' | 'tasks',
  id: DataId | TaskId,
): Promise<void> {
  const seen: { outcome: Spending['outcome'] | 'revoked' } = { outcome: 'revoked' }
  await ports.store.grants.change(grant, (current) => {
    const { outcome, after } = decideSpend(current, kind, id)
    seen.outcome = outcome
    return after
  })
  if (seen.outcome === 'revoked') throw new Failure('unauthorized', 'This token was revoked just now.')
  if (seen.outcome === 'used up')
    throw new Failure('forbidden', `This token allows ${mostOf(grant, kind)} ${kind}, and all are used.`)
}

type Spending = { outcome: 'taken' | 'taken before' | 'used up'; after: GrantDoc | null }

function decideSpend(grant: GrantDoc, kind: 'uploads' | 'tasks', id: DataId | TaskId): Spending {
  const made: readonly string[] = grant[kind]
  if (made.includes(id)) return { outcome: 'taken before', after: null }
  if (made.length >= mostOf(grant, kind)) return { outcome: 'used up', after: null }
  return { outcome: 'taken', after: { ...grant, [kind]: [...made, id] } }
}

const mostOf = (grant: GrantDoc, kind: 'uploads' | 'tasks'): number =>
  kind === 'uploads' ? grant.maxUploads : grant.maxTasks

/** `image/*` matches a family; parameters such as a charset do not count. */
function isOfType(contentType: string, pattern: string): boolean {
  const essence = essenceOf(contentType)
  return pattern.endsWith('/*') ? essence.startsWith(pattern.slice(0, -1)) : essence === pattern
}

const refused = (path: string, message: string): Failure =>
  new Failure('invalid_request', `${path} ${message}.`, { errors: [{ path, message }] })
