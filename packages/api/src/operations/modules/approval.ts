import { hash } from 'node:crypto'
import type { ModuleDoc, ModuleEntry } from '../../store/documents/module.ts'

/**
 * Modules of agents without a trusted key count only after approval: an agent with a trusted key had the same contents
 * as AVAILABLE, or an operator approved them. Until then they wait in a list that no claim reads. The manifest is a part
 * of the contents, because the API cannot verify a digest that an agent reports.
 */
type Contents = Pick<ModuleEntry, 'version' | 'digest' | 'manifest'>
type Approval = ModuleDoc['approved'][number]

/** The most approvals by agents that are kept, newest first; approvals by operators stay. */
const remembered = 100

export const approvalOf = (module: ModuleDoc, contents: Contents): Approval | undefined =>
  module.approved.find((one) => isOf(one, contents))

/** Entries from before the introduction of approvals count as approved. */
export const isApproved = (module: ModuleDoc, contents: Contents): boolean =>
  approvalOf(module, contents) !== undefined ||
  module.entries.some((one) => one.trusted && one.status === 'AVAILABLE' && isSame(one, contents))

/** The module with these contents approved. An operator's approval overrides an agent's. */
export function approve(
  module: ModuleDoc,
  contents: readonly Contents[],
  by: Approval['by'],
  at: Date,
): ModuleDoc {
  const fresh = contents
    .filter((one) => by === 'operator' || !approvalOf(module, one))
    .filter((one) => approvalOf(module, one)?.by !== 'operator')
    .map(({ version, digest, manifest }) => ({ version, digest, manifest: hashOf(manifest), by, at }))
  if (fresh.length === 0) return letIn(module)
  const kept = module.approved.filter((one) => !fresh.some((other) => isEqual(one, other)))
  const unique = fresh.filter((one, place) => fresh.findIndex((other) => isEqual(one, other)) === place)
  const all = [...unique, ...kept]
  const ofAgents = all.filter((one) => one.by === 'agent').slice(0, remembered)
  const approved = all.filter((one) => one.by === 'operator' || ofAgents.includes(one))
  return letIn({ ...module, approved })
}

/** Moves entries that are approved now from the waiting list to the entries. */
function letIn(module: ModuleDoc): ModuleDoc {
  const good = module.awaiting.filter((one) => isApproved(module, one))
  if (good.length === 0) return module
  return {
    ...module,
    entries: [...module.entries, ...good],
    awaiting: module.awaiting.filter((one) => !good.includes(one)),
  }
}

/** No agent has it. */
export const isGone = ({ entries, awaiting }: ModuleDoc): boolean => entries.length + awaiting.length === 0

/** No contents of this module were ever approved. */
export const isUnknown = ({ entries, approved, history }: ModuleDoc): boolean =>
  entries.length + approved.length + history.length === 0

/** The waiting entries as clients see them. */
export const withheld = (module: ModuleDoc): ModuleEntry[] =>
  module.awaiting.map((entry) =>
    entry.status === 'AVAILABLE'
      ? { ...entry, status: 'ERROR', error: awaits(module._id, entry.version) }
      : entry,
  )

export const awaits = (name: string, version: string): string =>
  `Awaits approval: the key of this agent is not trusted, and these contents of ${name}@${version} are not approved. An admin approves them with POST /api/modules/${name}/approve.`

export const isSame = (one: Contents, other: Contents): boolean =>
  one.version === other.version && one.digest === other.digest && one.manifest === other.manifest

const isOf = (one: Approval, contents: Contents): boolean =>
  one.version === contents.version &&
  one.digest === contents.digest &&
  one.manifest === hashOf(contents.manifest)

const isEqual = (one: Approval, other: Approval): boolean =>
  one.version === other.version && one.digest === other.digest && one.manifest === other.manifest

const hashOf = (manifest: string | null): string => hash('sha256', manifest ?? '')
